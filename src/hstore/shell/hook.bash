# hstore: records the commands typed into this bash. How it works and why: docs/shell.md of hstore.
# shellcheck shell=bash disable=SC2154
#
# Above this stand __hstore_program, the words that start hstore, __hstore_database, where commands go if that was asked
# for, and __hstore_offer, where a recorder that waits to be taken on can be reached: its pipe, its memory, its notice.
#
# Times come from PS0, whose arithmetic runs in the shell itself before each command, so no DEBUG trap is touched. The
# text comes from the history, written by a builtin into memory of the recorder and read back: no process is started.

# Say something to a recorder: its pipe, the kind of message, its fields. Opened for reading too, the pipe cannot end
# this shell with SIGPIPE; opened each time, no command inherits it.
__hstore_say() {
    {
        builtin printf '\0\1hstore\1\0'
        builtin printf '%s\0' "${@:2}"
    } 2>/dev/null 1<>"$1"
}

# Runs first of PROMPT_COMMAND. What a DEBUG trap with functrace would go through is in the next function.
__hstore_prompt() {
    local __hstore_code=$? __hstore_ended=${EPOCHREALTIME-} __hstore_seconds=$SECONDS __hstore_flags=$- - IFS=$' \t\n'
    set +efuxCET # by `local -` until we return
    __hstore_after
    __hstore_pass
}

__hstore_after() {
    local __hstore_since=$__hstore_began __hstore_number __hstore_moment __hstore_line
    __hstore_began=0
    ((__hstore_since > 0)) || return 0
    __hstore_newest
    if __hstore_is_new; then
        [[ $__hstore_line == [[:space:]]* ]] || __hstore_record
        __hstore_drop_repeated
    fi
    [[ ! -s $__hstore_notice ]] || __hstore_show_notice
}

# Runs last of PROMPT_COMMAND.
__hstore_armed() {
    local __hstore_code=$? __hstore_ended=${EPOCHREALTIME-} __hstore_seconds=$SECONDS __hstore_flags=$- - IFS=$' \t\n'
    set +efuxCET
    __hstore_before
    __hstore_pass
}

__hstore_before() {
    __hstore_after # where somebody has replaced the first of PROMPT_COMMAND
    local __hstore_number __hstore_moment __hstore_line
    __hstore_newest # it is not the next command
    __hstore_known=("$__hstore_number" "$__hstore_moment" "$__hstore_line")
    __hstore_directory=$PWD
    __hstore_arm
}

# Since 5.1 each part of PROMPT_COMMAND finds the exit code of the command; before, that of the part before it.
__hstore_pass() {
    [[ -z $__hstore_one_string || $__hstore_flags == *e* ]] || return "$__hstore_code"
}

# Sets number, moment (whole seconds) and line of the newest entry of the history, all empty where there is none.
__hstore_newest() {
    local rest=''
    __hstore_number=''
    if [[ -f $__hstore_memory ]]; then
        HISTTIMEFORMAT='%s:' builtin history 1 2>/dev/null >|"$__hstore_memory"
        IFS=' ' builtin read -r -d '' __hstore_number rest 2>/dev/null <"$__hstore_memory"
    fi
    if [[ -z $__hstore_number ]]; then # no such memory here, or no history
        rest=$(HISTTIMEFORMAT='%s:' builtin history 1 2>/dev/null)
        rest=${rest#"${rest%%[! ]*}"}
        __hstore_number=${rest%% *}
        rest=${rest#* }
        rest=${rest# }
    fi
    __hstore_moment=${rest%%:*}
    __hstore_line=${rest#*:}
    __hstore_line=${__hstore_line%$'\n'}
}

# A command that is not in the history was private (a leading space, HISTIGNORE), or erasedups has erased its equal of
# this very second. Where both can be, it counts as private.
__hstore_is_new() {
    [[ -n $__hstore_number && -o history ]] || return
    [[ "$__hstore_number $__hstore_moment $__hstore_line" == "${__hstore_known[*]}" ]] || return 0
    [[ :${HISTCONTROL-}: == *:erasedups:* && :$HISTCONTROL: != *:ignorespace:* && -z ${HISTIGNORE-} ]]
}

__hstore_record() {
    local duration
    if [[ -n $__hstore_ended ]]; then
        ((duration = 10#0${__hstore_ended/[^0-9]/} - __hstore_since))
    else
        ((duration = __hstore_seconds * 1000000 + 1 - __hstore_since))
    fi
    __hstore_has_recorder || __hstore_start || return
    {
        builtin printf '\0\1hstore\1\0exports\0'
        builtin export -p
        builtin printf '\0\0\1hstore\1\0run\0%s\0%s\0%s\0%s\0%s\0%s\0%s\0' "$__hstore_ended" "$duration" \
            "$__hstore_code" "$__hstore_directory" "${HEIMDAL_SESSION-}" "${HSTORE_DB:-$__hstore_database}" "$__hstore_line"
    } 2>/dev/null 1<>"$__hstore_pipe"
}

# With ignoredups a repeated command would look like a private one, so we have taken it out and do its work here.
__hstore_drop_repeated() {
    if [[ -n $__hstore_ignoredups && $__hstore_number != "${__hstore_known[0]}" \
        && $__hstore_line == "${__hstore_known[2]}" ]]; then
        builtin history -d "${__hstore_number%\*}" 2>/dev/null
    fi
}

# A pipe that has a name may outlive its recorder, whose process is then given.
__hstore_has_recorder() {
    [[ -p $__hstore_pipe ]] && { [[ -z $__hstore_process ]] || builtin kill -0 "$__hstore_process" 2>/dev/null; }
}

# The recorder is gone: start another, and say so; three times at most.
__hstore_start() {
    ((__hstore_starts < 3)) || return
    ((__hstore_starts += 1))
    [[ -z $__hstore_pipe ]] || builtin printf 'hstore: the recorder of this shell had ended; another is started\n' >&2
    eval "$("${__hstore_program[@]}" init bash 2>/dev/null)"
    ! __hstore_has_recorder || return 0
    builtin printf 'hstore: no recorder can be started; commands are not recorded\n' >&2
    __hstore_starts=3
    return 1
}

__hstore_show_notice() {
    local text
    IFS='' builtin read -r -d '' text 2>/dev/null <"$__hstore_notice"
    : >|"$__hstore_notice"
    builtin printf '%s' "$text" >&2
}

# Put back what others may have changed since the last prompt. `[` compares without looking for patterns.
__hstore_arm() {
    if shopt -q promptvars; then
        [ "${PS0-}" = "$__hstore_ps0_set" ] || __hstore_set_ps0
    else # it would be shown instead of evaluated
        PS0=${PS0//"$__hstore_ps0"/}
    fi
    [ "${HISTCONTROL-}" = "$__hstore_histcontrol" ] || __hstore_take_ignoredups
}

__hstore_set_ps0() {
    [[ ${PS0-} == *"$__hstore_ps0"* ]] || PS0=$__hstore_ps0${PS0-}
    __hstore_ps0_set=$PS0
}

__hstore_take_ignoredups() {
    local part kept='' IFS=:
    __hstore_ignoredups=''
    for part in ${HISTCONTROL-}; do
        case $part in
            ignoredups) __hstore_ignoredups=yes ;;
            ignoreboth) __hstore_ignoredups=yes kept+=:ignorespace ;;
            *) kept+=:$part ;;
        esac
    done
    [[ -z $__hstore_ignoredups ]] || HISTCONTROL=${kept#:}
    __hstore_histcontrol=${HISTCONTROL-}
}

# Take on the recorder that this process has already (`exec bash`, or loaded twice), else the one that is offered.
__hstore_adopt() {
    local IFS=: has
    # shellcheck disable=SC2206 # to be split
    has=(${HSTORE_SHELL_RECORDER-})
    __hstore_pipe=${has[1]-} __hstore_process=${has[4]-}
    if [[ ${has[0]-} == "$$" ]] && __hstore_has_recorder; then
        __hstore_refuse
    else
        has=("$$" "${__hstore_offer[@]}")
    fi
    __hstore_pipe=${has[1]-} __hstore_memory=${has[2]-} __hstore_notice=${has[3]-} __hstore_process=${has[4]-}
    [[ -n $__hstore_pipe ]] || return 0
    export HSTORE_SHELL_RECORDER="${has[*]}"
    __hstore_say "$__hstore_pipe" shell "$$" bash
}

__hstore_refuse() {
    [[ -z ${__hstore_offer[0]-} ]] || __hstore_say "${__hstore_offer[0]}" end
}

__hstore_install() {
    __hstore_loaded=yes __hstore_one_string='' __hstore_none='' __hstore_began=0 __hstore_starts=0
    __hstore_histcontrol='' __hstore_ignoredups='' __hstore_ps0_set='not yet' __hstore_known=('' '' '') __hstore_directory=$PWD
    # In posix mode an exclamation mark in a prompt would be the number of the command.
    # shellcheck disable=SC2016 # evaluated at each command
    if [[ -n ${EPOCHREALTIME-} ]]; then
        __hstore_ps0='${__hstore_none:$((__hstore_began=10#0${EPOCHREALTIME/[^0-9]/},0)):0}'
    else # bash 4.4 has whole seconds only
        __hstore_ps0='${__hstore_none:$((__hstore_began=SECONDS*1000000+1,0)):0}'
    fi
    if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
        PROMPT_COMMAND=(__hstore_prompt "${PROMPT_COMMAND[@]}" __hstore_armed)
    else
        __hstore_one_string=yes
        # shellcheck disable=SC2178,SC2128 # it is no array there
        PROMPT_COMMAND=__hstore_prompt$'\n'${PROMPT_COMMAND-}$'\n'__hstore_armed
        export -n PROMPT_COMMAND # a shell below has no such functions
    fi
    __hstore_arm
}

if [[ $- != *i* ]]; then
    __hstore_refuse
elif ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
    __hstore_refuse
    builtin printf 'hstore: bash %s has no PS0, so its commands cannot be recorded; 4.4 has\n' "$BASH_VERSION" >&2
else
    __hstore_adopt
    [[ -n ${__hstore_loaded-} ]] || __hstore_install
fi
