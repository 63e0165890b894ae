# Runs one server for as long as somebody holds it. Started by launch.rs with: stdin, the read end of the
# FIFO of holders; stdout, the locked lock file, so that the lock lasts as long as this shell; stderr, the
# log. A holder has the FIFO open for writing, so the kernel reports the last one's end, however it ended.
home=$1 kept=$2
shift 2
exec 3<&0

# Signals the server and gives it 20 s; the shell below ends this one when it has gone.
end() {
    kill -"$1" $server
    for second in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 1; done
}

"$@" >&2 3<&- &
server=$!
{
    # A newcomer writes its name and waits for the answer: without one, this loop was over already.
    while read -r newcomer <&3; do : >"$home/joined.$newcomer"; done
    exec 3<&-
    rm -f "$home/server"
    : >"$home/closing"
    # A temporary cluster needs no checkpoint.
    [ "$kept" = kept ] && end INT
    end QUIT
    end KILL
} >/dev/null 2>&1 &
closer=$!
exec 3<&-
wait $server
kill $closer 2>/dev/null
rm -f "$home/server" "$home/holders"
# A server that ended by itself leaves its folder, with the log, to the one who still holds it.
[ -e "$home/closing" ] && [ "$kept" = temporary ] && rm -rf "$home"
exit 0
