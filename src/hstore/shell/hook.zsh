# hstore: records the commands typed into this zsh. How it works and why: docs/shell.md of hstore.
#
# Above this stand __hstore_program, the words that start hstore, __hstore_database, where commands go if that was asked
# for, and __hstore_offer, where a recorder that waits to be taken on can be reached: its pipe, its memory, its notice.

# Say something to a recorder: its pipe, the kind of message, its fields. Opened for reading too, the pipe cannot end
# this shell with SIGPIPE; opened each time, no command inherits it.
__hstore_say() {
    {
        builtin printf '\0\1hstore\1\0'
        builtin printf '%s\0' "${@:2}"
    } 2>/dev/null 1<>"$1"
}

# The line as it was typed: with histreduceblanks, preexec sees a private one without its blank.
__hstore_typed() {
    __hstore_line=${1%$'\n'}
    return 0
}

__hstore_preexec() {
    [[ -n $__hstore_line ]] || __hstore_line=${1:-${3-}} # without a history
    __hstore_directory=$PWD
    __hstore_began=$EPOCHREALTIME
}

__hstore_precmd() {
    local __hstore_code=$? __hstore_ended=$EPOCHREALTIME
    emulate -L zsh
    unsetopt err_exit err_return xtrace
    local __hstore_since=$__hstore_began line=$__hstore_line
    __hstore_began='' __hstore_line=''
    [[ -n $__hstore_since ]] || return 0
    [[ -z $line || $line == [[:space:]]* ]] || __hstore_record
    [[ ! -s $__hstore_notice ]] || __hstore_show_notice
    return 0
}

__hstore_record() {
    integer duration
    (( duration = (__hstore_ended - __hstore_since) * 1000000 ))
    __hstore_has_recorder || __hstore_start || return
    {
        builtin printf '\0\1hstore\1\0exports\0'
        builtin export -p
        builtin printf '\0\0\1hstore\1\0run\0%s\0%s\0%s\0%s\0%s\0%s\0%s\0' "$__hstore_ended" "$duration" \
            "$__hstore_code" "$__hstore_directory" "${HEIMDAL_SESSION-}" "${HSTORE_DB:-$__hstore_database}" "$line"
    } 2>/dev/null 1<>"$__hstore_pipe"
}

# A pipe that has a name may outlive its recorder, whose process is then given.
__hstore_has_recorder() {
    [[ -p $__hstore_pipe ]] && { [[ -z $__hstore_process ]] || builtin kill -0 "$__hstore_process" 2>/dev/null }
}

# The recorder is gone: start another, and say so; three times at most.
__hstore_start() {
    (( __hstore_starts < 3 )) || return
    (( __hstore_starts += 1 ))
    [[ -z $__hstore_pipe ]] || builtin print -ru2 'hstore: the recorder of this shell had ended; another is started'
    eval "$("${__hstore_program[@]}" init zsh 2>/dev/null)"
    ! __hstore_has_recorder || return 0
    builtin print -ru2 'hstore: no recorder can be started; commands are not recorded'
    __hstore_starts=3
    return 1
}

__hstore_show_notice() {
    local text
    IFS='' builtin read -r -d '' text 2>/dev/null <"$__hstore_notice"
    : >|"$__hstore_notice"
    builtin print -rnu2 -- "$text"
}

# Take on the recorder that this process has already (`exec zsh`, or loaded twice), else the one that is offered.
__hstore_adopt() {
    emulate -L zsh
    local -a has
    has=("${(@s.:.)${HSTORE_SHELL_RECORDER-}}")
    typeset -g __hstore_pipe=${has[2]-} __hstore_notice=${has[4]-} __hstore_process=${has[5]-}
    if [[ ${has[1]-} == "$$" ]] && __hstore_has_recorder; then
        __hstore_refuse
    else
        has=("$$" "${__hstore_offer[@]}")
        __hstore_pipe=${has[2]-} __hstore_notice=${has[4]-} __hstore_process=${has[5]-}
    fi
    [[ -n $__hstore_pipe ]] || return 0
    export HSTORE_SHELL_RECORDER="${(j.:.)has}"
    __hstore_say "$__hstore_pipe" shell "$$" zsh
}

__hstore_refuse() {
    emulate -L zsh
    [[ -z ${__hstore_offer[1]-} ]] || __hstore_say "${__hstore_offer[1]}" end
}

__hstore_install() {
    emulate -L zsh
    typeset -g __hstore_loaded=yes __hstore_began='' __hstore_line='' __hstore_directory=$PWD
    typeset -gi __hstore_starts=0
    typeset -ga zshaddhistory_functions preexec_functions precmd_functions
    zshaddhistory_functions+=(__hstore_typed)
    preexec_functions+=(__hstore_preexec)
    precmd_functions=(__hstore_precmd "${precmd_functions[@]}")
}

if [[ ! -o interactive ]]; then
    __hstore_refuse
elif ! zmodload zsh/datetime 2>/dev/null; then
    __hstore_refuse
    builtin print -ru2 'hstore: this zsh has no module zsh/datetime, so its commands cannot be recorded'
else
    __hstore_adopt
    [[ -n ${__hstore_loaded-} ]] || __hstore_install
fi
