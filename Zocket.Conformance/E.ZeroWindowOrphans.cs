namespace Zocket.Conformance;

[Family("E", "Zero-window orphans")]
public sealed class ZeroWindowOrphans
{
    // Linux leaves a question unanswered that comes within half a second after the one before (tcp_oow_rate_limited()). That
    // must not count as silence where one silence is enough.
    private const string AnswersAtMostEvery = "net.ipv4.tcp_invalid_ratelimit";

    // A peer whose program does not read has soon no room for more.
    internal static readonly PairPlan SmallWindow = new() { PeerReceiveBuffer = 4096, VictimSendBuffer = 16 * 1024 };

    [Claim("E01", "The peer of a process that was killed inside write() reads later every byte the kernel had accepted, and then the end of the stream.")]
    [Note("Killing a sender whose client is slow does not cost the client what the sender had already written: the kernel keeps asking the client for room and delivers the rest when it reads. Only what write() had not yet accepted is lost.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_probe_timer(); net/ipv4/tcp_output.c tcp_write_wakeup(); net/ipv4/tcp.c __tcp_close()")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_timer.c tcp_timer_persist(); sys/netinet/tcp_output.c tcp_output()")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_timer.c tcp_timer_persist(); sys/netinet/tcp_output.c tcp_output()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_persist(); sys/netinet/tcp_output.c tcp_output()")]
    public Task KilledWriterDeliversWhenPeerReads(Ip ip) => Bench.Decide(AsksSoon(ip), bed =>
    {
        Pair pair = bed.Connect(plan: SmallWindow);
        Pair open = bed.Connect("control", SmallWindow);
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(open);
        FillUntilWindowCloses(bed, victim, pair);
        other.Write(10, open);

        victim.Kill();
        other.Kill();
        SocketSeen orphan = pair.VictimEnd.Look();
        long accepted = orphan.SendQueue + pair.PeerEnd.Look().ReceiveQueue;
        bed.Name(accepted, "all that the kernel had accepted");
        int before = pair.PeersWindow.Probes;
        bool asks = bed.Await(() => pair.PeersWindow.Probes > before);
        bed.Control("where the peer has room, the same death leaves FIN_WAIT_2 and an empty queue", open.VictimEnd.Await(FIN_WAIT_2) is { State: FIN_WAIT_2, SendQueue: 0 });
        bed.Look("while the peer does not read");
        victim.Reap();
        other.Reap();

        IoResult read = pair.PeerEnd.Read();
        SocketSeen delivered = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the peer has read");

        return Answer.Holds(() =>
        {
            orphan.State.Should().Be(FIN_WAIT_1);
            asks.Should().BeTrue("the kernel asks the peer for room though the process is gone");
            read.Bytes.Should().Be(accepted);
            read.IsIntact.Should().BeTrue("they are the bytes that were written");
            read.EndOfStream.Should().BeTrue();
            delivered.State.Should().Be(FIN_WAIT_2, "all was acknowledged, the FIN too");
        });
    });

    [Claim("E02", "A zero-window orphan expires although the peer answers every probe.")]
    [Note("A client that stays connected but stops reading cannot hold a dead server's connection for ever on Linux: after about five and a half minutes at default timers the kernel gives the connection up, and what the client had no room for is lost. The BSDs go on asking for as long as the client's kernel answers.")]
    [Lab("default timers: 334 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_probe_timer(): SOCK_DEAD, once the backoff has reached tcp_rto_max() and tcp_orphan_retries()")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers, zero window, one run over loopback: gone after 211 s; sys/netinet/tcp_timer.c tcp_timer_persist(): at the 60 s cap even answered probes can be TCPTV_PERSMAX apart; by the source it stays where the path has a delay")]
    [DragonFly(DoesNotHold, Measured, "5.9", "transcripts' README: still there when a watch of 420 s ended; sys/netinet/tcp_timer.c tcp_timer_persist()")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_persist(): idle time, too, must exceed the limit")]
    public Task AnsweredProbesDoNotKeepOrphanForever(Ip ip) => Bench.Decide(GivesUpEarly(ip), bed =>
    {
        Pair pair = bed.Connect(plan: SmallWindow);
        Pair silent = bed.Connect("control", SmallWindow);
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(silent);
        FillUntilWindowCloses(bed, other, silent);
        silent.Hush();
        other.Kill();
        FillUntilWindowCloses(bed, victim, pair);

        victim.Kill();
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Control("the dead process's bytes wait for the peer", orphan is { State: FIN_WAIT_1, SendQueue: > 0 });
        bed.Control("the peer answers what the orphan asks", bed.Await(() => pair.PeersWindow.Answered > 0));
        bed.Control("a like orphan is given up when its peer has fallen silent", silent.VictimEnd.Await(None).IsGone);
        SocketSeen left = pair.VictimEnd.Await(None);
        bool wasAnsweredToTheLast = bed.Await(() => pair.PeersWindow is { Offered: 0 } asked && asked.Answered == asked.Probes);
        bed.Look("after the orphan of the silent peer was given up");
        victim.Reap();
        other.Reap();

        return Answer
            .Holds(() =>
            {
                left.State.Should().Be(None);
                wasAnsweredToTheLast.Should().BeTrue("the peer was not silent, it had no room");
            })
            .DoesNotHold("it goes on asking for as long as the peer answers", () => left.State.Should().Be(FIN_WAIT_1));
    });

    [Claim("E03", "A zero-window orphan whose peer falls silent expires.")]
    [Note("A client that had stopped reading and then vanished does not leave the dead server's connection behind for ever: like every orphan it is given up, on Linux after tcp_orphan_retries unanswered questions.")]
    [Lab("default timers: as long as a FIN_WAIT_1 orphan, some 100 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_probe_timer(): icsk_probes_out reaches tcp_orphan_retries()")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_timer.c tcp_timer_persist(): once closed, TCPTV_PERSMAX of silence is enough")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_timer.c tcp_timer_persist(): TCP_MAXRXTSHIFT probes and as long an idle time")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_persist(): TCP_MAXRXTSHIFT probes and as long an idle time")]
    public Task SilentZeroWindowOrphanExpires(Ip ip) => Bench.Decide(AsksSoon(ip) with { ReadsTimers = true }, bed =>
    {
        Pair pair = bed.Connect(plan: SmallWindow);
        Pair answered = bed.Connect("control", SmallWindow);
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(answered);
        FillUntilWindowCloses(bed, victim, pair);
        FillUntilWindowCloses(bed, other, answered);
        victim.Kill();
        other.Kill();
        bed.Control("the dead process's bytes wait for the peer", pair.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: > 0 });

        LetOneSilenceBeEnough(bed);
        pair.Hush();
        SocketSeen left = pair.VictimEnd.Await(None);
        bed.Control("the peer was asked and did not answer", pair.PeersWindow is { Probes: > 0 } asked && asked.Answered < asked.Probes);
        bed.Control("a like orphan whose peer answers is still there", answered.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: > 0 });
        bed.Look("when the orphan of the silent peer is gone");
        victim.Reap();
        other.Reap();

        return Answer.Holds(() => left.State.Should().Be(None));
    });

    [Claim("E04", "A zero-window connection that a living process holds stays for as long as the peer answers the probes.")]
    [Note("A living server never loses a client just because the client does not read: the connection stays, with its full send queue and its writer inside write(), until the client's kernel stops answering. Limit it yourself: a write timeout, or TCP_USER_TIMEOUT.")]
    [Lab("default timers: beside an orphan of 334 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_probe_timer(); net/ipv4/tcp_input.c tcp_ack(): an answer clears icsk_probes_out")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_timer.c tcp_timer_persist(); RFC 9293 section 3.8.6.1")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_timer.c tcp_timer_persist()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_persist()")]
    public Task OwnedZeroWindowConnectionStays(Ip ip) => Bench.Decide(GivesUpEarly(ip), bed =>
    {
        Pair pair = bed.Connect(plan: SmallWindow);
        Pair silent = bed.Connect("silent", SmallWindow);
        Pair orphan = bed.Connect("orphan", SmallWindow);
        Victim victim = bed.Fork(pair);
        Victim unanswered = bed.Fork(silent);
        Victim mortal = bed.Fork(orphan);
        FillUntilWindowCloses(bed, victim, pair);
        FillUntilWindowCloses(bed, unanswered, silent);
        FillUntilWindowCloses(bed, mortal, orphan);

        bed.Set("net.ipv4.tcp_retries2", "1");
        silent.Hush();
        mortal.Kill();
        bed.Control("a like connection of a living process whose peer has fallen silent is given up", silent.VictimEnd.Await(None).IsGone);

        // Where E02 holds a like orphan is given up, too, though its peer answers.
        orphan.VictimEnd.Await(None);
        SocketSeen owned = pair.VictimEnd.Look();
        bool isWriting = victim.IsBlocked();
        bed.Control(
            "its peer has answered all this time",
            bed.Await(() => pair.PeersWindow is { Answered: > 0, Offered: 0 } asked && asked.Answered == asked.Probes));
        bed.Look("when the two others are gone");

        return Answer.Holds(() =>
        {
            owned.State.Should().Be(ESTABLISHED);
            owned.SendQueue.Should().BePositive();
            isWriting.Should().BeTrue("its write() still waits");
        });
    });

    [Claim("E05", "If a process dies when all its data is acknowledged but the peer's window is closed, the FIN itself waits for the window, though the state is FIN_WAIT_1 already.")]
    [Note("FIN_WAIT_1 in ss or netstat does not mean that the peer could know: a client that does not read is not even told that the server has died until it reads. An empty send queue changes nothing about it.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_send_fin(), tcp_snd_wnd_test(): the FIN takes a sequence number beyond the window")]
    [FreeBSD(DoesNotHold, Inferred, "13.0", "sys/netinet/tcp_output.c tcp_output(): TH_FIN and nothing sent yet is a reason to send, whatever the window")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/netinet/tcp_output.c tcp_output()")]
    [OpenBSD(DoesNotHold, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_output.c tcp_output()")]
    public Task BareFinWaitsForWindow(Ip ip) => Bench.Decide(AsksSoon(ip), bed =>
    {
        Pair pair = bed.Connect(plan: SmallWindow);
        Pair open = bed.Connect("control", SmallWindow);
        Victim victim = bed.Fork(pair, open);
        bed.Name(FillExactly(bed, victim, pair), "all that the peer has room for");
        victim.Write(10, open);
        bed.Control(
            "the peer has acknowledged everything and offers no more",
            pair.PeersWindow.Offered == 0 && pair.VictimEnd.Look() is { State: ESTABLISHED, SendQueue: 0 });

        victim.Kill();
        SocketSeen orphan = pair.VictimEnd.Look();
        int before = pair.PeersWindow.Probes;
        bed.Control(
            "the peer is asked for room, or the FIN leaves",
            bed.Await(() => pair.FromVictim.HasFin || pair.PeersWindow.Probes > before));
        bool leftBefore = pair.FromVictim.HasFin;
        bed.Control("where the peer has room, the same death sends FIN", open.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && open.FromVictim.HasFin);
        bed.Look("while the peer does not read");
        victim.Reap();

        IoResult read = pair.PeerEnd.Read();
        SocketSeen delivered = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the peer has read");

        return Answer
            .Holds(() =>
            {
                orphan.State.Should().Be(FIN_WAIT_1);
                leftBefore.Should().BeFalse("one more octet than the window has room for is one too many");
                read.EndOfStream.Should().BeTrue("with the window the FIN comes");
                delivered.State.Should().Be(FIN_WAIT_2);
            })
            .DoesNotHold("the FIN leaves at once", () =>
            {
                orphan.State.Should().Be(FIN_WAIT_1);
                leftBefore.Should().BeTrue();
            });
    });

    [Claim("E06", "The peer of a zero-window orphan that has expired still reads what it had received, and then meets a reset instead of the end of the stream.")]
    [Note("Why does the client end with 'connection reset by peer' in the middle of the reply, long after the server was restarted? It read so slowly that the server's kernel gave the connection up: the client reads what it had, asks for more, and there is nobody.")]
    [Lab("default timers: as long as a FIN_WAIT_1 orphan, some 100 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_write_err() sends nothing; net/ipv4/tcp_ipv4.c tcp_v4_rcv(): the window update meets no socket")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_input.c tcp_input(), dropwithreset: the window update meets no connection")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_input.c tcp_input(), dropwithreset")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(), dropwithreset")]
    public Task PeerOfExpiredZeroWindowOrphanIsReset(Ip ip) => Bench.Decide(AsksSoon(ip) with { ReadsTimers = true }, bed =>
    {
        Pair pair = bed.Connect(plan: SmallWindow);
        Pair lasting = bed.Connect("control", SmallWindow);
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(lasting);
        FillUntilWindowCloses(bed, victim, pair);
        FillUntilWindowCloses(bed, other, lasting);
        victim.Kill();
        other.Kill();
        long received = pair.PeerEnd.Look().ReceiveQueue;
        bed.Name(lasting.VictimEnd.Look().SendQueue + lasting.PeerEnd.Look().ReceiveQueue, "all that the kernel had accepted");
        bed.Control(
            "the peer of a like orphan reads all and the end of the stream while the orphan is there",
            lasting.PeerEnd.Read() is { EndOfStream: true, IsIntact: true } && lasting.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        LetOneSilenceBeEnough(bed);
        Block hush = pair.Hush();
        bed.Control("the orphan of the silent peer is given up", pair.VictimEnd.Await(None).IsGone);
        hush.Lift();
        IoResult read = pair.PeerEnd.Read();
        bed.Look("after both peers have read");
        victim.Reap();
        other.Reap();

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(received, "what was in its receive buffer is its own");
            read.IsIntact.Should().BeTrue();
            read.EndOfStream.Should().BeFalse("the stream had more");
            read.Error.Should().Be(Errno.ECONNRESET);
        });
    });

    // With the system's own timers: Linux asks 0.2 s, 0.6 s, 1.4 s, ... after the window was closed.
    private static TestbedPlan AsksSoon(Ip ip) => new(ip, Topology.Loopback)
    {
        AwaitsRetransmissions = true,
        Settings = new Dictionary<string, string> { [AnswersAtMostEvery] = "0" },
    };

    // An orphan that was not answered once is given up when it would have asked again.
    private static void LetOneSilenceBeEnough(Testbed bed) => bed.Set("net.ipv4.tcp_orphan_retries", "1");

    // Linux gives an answered orphan up once it asks as seldom as it ever will: every tcp_rto_max_ms, which is 1 s at least. The
    // time before that is doubled from tcp_rto_min_us on: it asks after 0.5 s, and after another second it is gone.
    private static TestbedPlan GivesUpEarly(Ip ip) => new(ip, Topology.Loopback)
    {
        AwaitsRetransmissions = true,
        ReadsTimers = true,
        Settings = new Dictionary<string, string>
        {
            ["net.ipv4.tcp_orphan_retries"] = "1",
            ["net.ipv4.tcp_rto_min_us"] = "505000",
            ["net.ipv4.tcp_rto_max_ms"] = "1000",
            [AnswersAtMostEvery] = "0",
        },
    };

    // The writer is inside write(), and its kernel asks the peer's for room.
    internal static void FillUntilWindowCloses(Testbed bed, Victim writer, Pair pair)
    {
        writer.BlockInWrite(1024 * 1024, pair);
        SocketSeen full = pair.VictimEnd.Await(seen => pair.VictimEnd.WaitsForRoom(seen) && seen.SendQueue > 0
            && pair.PeersWindow.Offered == 0
            && writer.IsBlocked());
        bed.Control("the peer's window is closed, and the writer is inside write()", pair.VictimEnd.WaitsForRoom(full) && writer.IsBlocked());
        bed.Name(full.SendQueue, "what the peer had no room for");
        bed.Name(pair.PeerEnd.Look().ReceiveQueue, "a full receive buffer");
    }

    // Writes just what the peer offers to take, and again, until it has taken all and offers nothing.
    private static long FillExactly(Testbed bed, Victim writer, Pair pair)
    {
        long written = 0;
        while (pair.PeersWindow.Offered is > 0 and int offered)
        {
            written += writer.Write(offered, pair);
            bed.Control(
                "the peer acknowledges what it has offered to take",
                bed.Await(() => pair.FromVictim.AcknowledgedBytes == written && pair.VictimEnd.Look().SendQueue == 0));
        }

        return written;
    }
}
