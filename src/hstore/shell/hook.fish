# hstore: records the commands typed into this fish. How it works and why: docs/shell.md of hstore.
#
# Above this stand __hstore_program, the words that start hstore, __hstore_database, where commands go if that was asked
# for, and __hstore_offer, where a recorder that waits to be taken on can be reached: its pipe, its memory, its notice.

# Say something to a recorder: its pipe, the kind of message, its fields.
function __hstore_say
    begin
        builtin printf '\0\1hstore\1\0'
        builtin printf '%s\0' $argv[2..-1]
    end 2>/dev/null >$argv[1]
end

function __hstore_refuse
    if set -q __hstore_offer[1]; and test -p $__hstore_offer[1]
        __hstore_say $__hstore_offer[1] end
    end
end

# Take on the recorder that this process has already (`exec fish`, or loaded twice), else the one that is offered.
function __hstore_adopt
    set -l has (string split : -- "$HSTORE_SHELL_RECORDER")
    set -g __hstore_pipe $has[2]
    set -g __hstore_process $has[5]
    if test "$has[1]" = $fish_pid; and __hstore_has_recorder
        __hstore_refuse
    else
        set has $fish_pid $__hstore_offer
    end
    set -g __hstore_pipe $has[2]
    set -g __hstore_notice $has[4]
    set -g __hstore_process $has[5]
    if test -p "$__hstore_pipe"
        set -gx HSTORE_SHELL_RECORDER (string join : -- $has)
        __hstore_say $__hstore_pipe shell $fish_pid fish
    end
end

# A pipe that has a name may outlive its recorder, whose process is then given.
function __hstore_has_recorder
    test -p "$__hstore_pipe"; or return 1
    test -z "$__hstore_process"; or command kill -0 $__hstore_process 2>/dev/null
end

# The recorder is gone: start another, and say so; three times at most.
function __hstore_start
    test $__hstore_starts -lt 3; or return 1
    set -g __hstore_starts (math $__hstore_starts + 1)
    if test -n "$__hstore_pipe"
        echo 'hstore: the recorder of this shell had ended; another is started' >&2
    end
    $__hstore_program init fish 2>/dev/null | source
    __hstore_has_recorder; and return 0
    echo 'hstore: no recorder can be started; commands are not recorded' >&2
    set -g __hstore_starts 3
    return 1
end

if not status is-interactive
    __hstore_refuse
else
    __hstore_adopt
    if not set -q __hstore_loaded
        set -g __hstore_loaded yes
        set -g __hstore_starts 0

        function __hstore_preexec --on-event fish_preexec
            set -g __hstore_directory $PWD
        end

        function __hstore_postexec --on-event fish_postexec
            set -l code $status
            set -l took $CMD_DURATION
            set -q __hstore_directory; or return # it is the command that has loaded this
            if test -z "$fish_private_mode"; and string match -qr '^\S' -- "$argv"
                if __hstore_has_recorder; or __hstore_start
                    set -l database $HSTORE_DB
                    test -n "$database"; or set database $__hstore_database
                    begin
                        builtin printf '\0\1hstore\1\0exports\0'
                        set -xL
                        builtin printf '\0\0\1hstore\1\0run\0\0%s000\0%s\0%s\0%s\0%s\0%s\0' $took $code \
                            "$__hstore_directory" "$HEIMDAL_SESSION" "$database" "$argv"
                    end 2>/dev/null >$__hstore_pipe
                end
            end
            set -e __hstore_directory
            if test -s "$__hstore_notice"
                read -z -l text <$__hstore_notice
                echo -n >$__hstore_notice
                echo -n -- $text >&2
            end
        end
    end
end
