namespace Zocket.Conformance;

[Family("D", "FIN_WAIT_1 orphans: visibility, life, end")]
public sealed class FinWait1Orphans
{
    private const string OnlyLinuxCounts = "only Linux counts the timeouts of orphans apart";

    [Claim("D01", "A process that dies with unacknowledged data leaves its connection in FIN_WAIT_1 with the data still in the send queue.")]
    [Note("What is left when a process dies before its last bytes are acknowledged? Its connection, in FIN_WAIT_1, with those bytes in Send-Q. It is the kernel's from then on, and nothing that is done to the process changes it.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_close_state(), __tcp_close(); RFC 9293 section 3.10.4; Linux counts the FIN in Send-Q")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers: FIN_WAIT_1, Send-Q 30; sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers; sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger: FIN_WAIT_1, Send-Q 30; sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
    [NetBSD(Holds, Source, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
    public Task BlockedDeathLeavesFinWait1(Ip ip, Topology path) => Bench.Decide(ip, path, bed =>
    {
        Pair pair = bed.Connect();
        Pair open = bed.Connect("control");
        Victim victim = bed.Fork(pair, open);
        pair.Hush();
        victim.Write(10);
        victim.Write(10, open);

        victim.Kill();
        SocketSeen orphan = pair.VictimEnd.Look();
        SocketSeen acknowledged = open.VictimEnd.Await(FIN_WAIT_2);
        bed.Control(
            "where the peer answers, the same death leaves FIN_WAIT_2 and an empty queue",
            acknowledged is { State: FIN_WAIT_2, SendQueue: 0 });
        bed.Look("before wait()");
        victim.Reap();
        bed.Look("after wait()");

        return Answer.Holds(() =>
        {
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.SendQueue.Should().Be(10);
        });
    });

    [Claim("D02", "An orphan belongs to no process: the table shows no owner.")]
    [Note("Which process does this FIN_WAIT_1 connection belong to? To none: its process has closed it or is dead, so ss -p and netstat -p show nobody, and there is nothing to kill.")]
    [Linux(Holds, Measured, "6.18", "include/net/sock.h sock_orphan(); net/ipv4/inet_diag.c: inode 0 and uid 0 without a struct socket")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers: sockstat prints ? for user, command and pid")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers: no file refers to the socket")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger: fstat lists no such stream")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): SS_NOFDREF, no file leads to it any more")]
    public Task OrphanHasNoOwner(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        pair.Hush();
        victim.Write(10);
        SocketSeen owned = pair.VictimEnd.Look();
        bed.Control("while the victim lives, the table leads to it", owned.Owners.SequenceEqual([victim.Name]) && owned.Inode is not 0);

        victim.Kill();
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Control("the ten bytes are not acknowledged", orphan.SendQueue == 10);
        bed.Look("before wait()");
        victim.Reap();
        bed.Look("after wait()");

        return Answer.Holds(() =>
        {
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.Owners.Should().BeEmpty("no process has a descriptor of it");
            orphan.Inode.Should().Match(inode => inode == null || inode == 0, "there is no file behind it");
        });
    });

    [Claim("D03", "The kernel goes on retransmitting the dead process's data after it was reaped.")]
    [Note("Does anybody still send what the process had written? The kernel does: it retransmits as if the process were alive, until the peer answers or the kernel gives up.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_retransmit_timer() asks for no owner")]
    [FreeBSD(Holds, Measured, "12.2", "transcript fin-wait-1-life: reaped after 8 ms, 12 segments retransmitted until it was given up; sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers: retransmitted twice by the time all were reaped, seven times some seconds later; sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part A: reaped, and acknowledged within 4 s of pf being disabled 10 s later; sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [NetBSD(Holds, Source, "tcp_timer.c 1.89 (2015)", "sys/netinet/tcp_timer.c tcp_timer_rexmt() does not ask for a process")]
    public Task OrphanRetransmits(Ip ip, Topology path) => Bench.Decide(new TestbedPlan(ip, path) { AwaitsRetransmissions = true }, bed =>
    {
        Pair pair = bed.Connect();
        Pair open = bed.Connect("control");
        Victim victim = bed.Fork(pair, open);
        Block hush = pair.Hush();
        victim.Write(10);
        victim.Write(10, open);
        victim.Kill();
        victim.Reap();
        int before = pair.FromVictim.Retransmissions;

        // On a busy machine the acknowledgement may come too late for the first timeout; what counts is what is sent after it.
        bool isAcknowledged = open.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2;
        bed.Await(() => pair.FromVictim.Retransmissions > before);
        int settled = open.FromVictim.Retransmissions;
        bool again = bed.Await(() => pair.FromVictim.Retransmissions >= before + 2);
        bed.Control(
            "where the peer has acknowledged, nothing is sent any more",
            isAcknowledged && open.FromVictim.IsFinAcknowledged && open.FromVictim.Retransmissions == settled);
        hush.Lift();
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after two more retransmissions, and the acknowledgement of the last");

        return Answer.Holds(() => again.Should().BeTrue("the data belongs to the kernel, not to the process"));
    });

    [Claim("D04", "If the path opens again, the peer gets every byte and then the end of the stream, though the process is gone.")]
    [Note("Is the end of the reply lost when the server dies while the path is down? Not if the path comes back in time: the client gets every byte, and then the end of the stream.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_retransmit_skb(); RFC 9293 section 3.6: CLOSE means no more data to send")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers: after unblocking the server reads 30 bytes and EOF; sys/netinet/tcp_output.c tcp_output()")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers: after unblocking the peer reads 30 bytes and EOF; sys/netinet/tcp_output.c tcp_output()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_output.c tcp_output(); that all is acknowledged after unblocking was measured on 7.3 and 8.0-beta (transcript writers-and-linger), what the peer reads was not")]
    [NetBSD(Holds, Inferred, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_usrclosed(): the FIN stands behind the data; sys/netinet/tcp_output.c tcp_output()")]
    public Task OrphanDeliversAfterUnblock(Ip ip, Topology path) => Bench.Decide(new TestbedPlan(ip, path) { AwaitsRetransmissions = true }, bed =>
    {
        const int Bytes = 64 * 1024;
        Pair pair = bed.Connect(plan: new PairPlan { VictimSendBuffer = 256 * 1024 });
        Victim victim = bed.Fork(pair);
        Block hush = pair.Hush();
        victim.Write(Bytes);
        victim.Kill();
        victim.Reap();
        bed.Control("while the path is blocked the peer can read nothing", pair.PeerEnd.ReadNow() is { Bytes: 0, EndOfStream: false });
        bed.Look("after wait(), still blocked");

        hush.Lift();
        IoResult read = pair.PeerEnd.Read();
        SocketSeen orphan = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the path was opened");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(Bytes);
            read.IsIntact.Should().BeTrue("they are the bytes that were written");
            read.EndOfStream.Should().BeTrue();
            orphan.State.Should().Be(FIN_WAIT_2, "all was acknowledged, the FIN too");
        });
    });

    [Claim("D05", "An orphan keeps its local port and its four-tuple: a bind() without SO_REUSEADDR is refused, and so is a second connection with the same four-tuple.")]
    [Note("Does a connection that no process owns still hold my port? Yes: until it is gone, nobody can bind its port without SO_REUSEADDR, and nobody can connect again from that port to the same peer. With SO_REUSEADDR on both sockets the port can be used for other peers.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_connection_sock.c inet_csk_get_port(); net/ipv4/inet_hashtables.c __inet_check_established(): EADDRNOTAVAIL")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/in_pcb.c in_pcbbind_setup(), in_pcbconnect_setup(): EADDRINUSE")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/in_pcb.c in_pcbbind(), in_pcbconnect(): EADDRINUSE")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/in_pcb.c in_pcbbind(), in_pcbconnect(): EADDRINUSE")]
    [NetBSD(Holds, Inferred, "tcp_subr.c 1.264 (2015)", "sys/netinet/tcp_subr.c tcp_close() alone gives the port back; sys/netinet/in_pcb.c: EADDRINUSE")]
    public Task OrphanHoldsPortAndFourTuple(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Endpoint port = pair.VictimEnd.Tuple.Local;
        Endpoint peer = pair.VictimEnd.Tuple.Remote;
        Victim victim = bed.Fork(pair);
        Victim successor = bed.ForkBystander();
        Endpoint anotherPeer = successor.Listen(successor.Socket(ip), bed.Address(Host.Victims));
        victim.SetOption(SocketOption.SO_REUSEADDR, 1);
        pair.Hush();
        victim.Write(10);
        victim.Kill();
        victim.Reap();
        AwaitOrphans(bed, pair);

        int plain = successor.Socket(ip);
        Returned bind = successor.AttemptBind(plain, port);
        int toAnotherPeer = BoundWithReuse(successor, ip, port);
        successor.Connect(toAnotherPeer, anotherPeer);

        // Only now: on the BSDs SO_REUSEADDR passes over sockets that are connected, not over one that is merely bound (sys/netinet/in_pcb.c
        // in_pcblookup_local() without INPLOOKUP_WILDCARD).
        int toSamePeer = BoundWithReuse(successor, ip, port);
        Returned again = successor.AttemptConnect(toSamePeer, peer);
        bed.Look("after a bind() to the orphan's port, and a connect() from it to the orphan's peer");
        successor.Make("setsockopt(SO_LINGER, {1, 0})", new Call(CallKind.SetLinger, toAnotherPeer, 1, 0));
        successor.Make("close", toAnotherPeer);
        successor.Make("close", toSamePeer);

        pair.PeerEnd.Reset();
        bed.Control("a RST of the peer's ends the orphan", pair.VictimEnd.Await(None).IsGone);
        successor.Bind(plain, port);
        bed.Control("then the same bind() succeeds", successor.LocalName(plain) == port);

        return Answer.Holds(() =>
        {
            bind.Error.Should().Be(Errno.EADDRINUSE);
            again.Error.Should().BeOneOf([Errno.EADDRNOTAVAIL, Errno.EADDRINUSE], "the port and the peer make a four-tuple that is taken");
        });
    });

    [Claim("D06", "An orphan whose peer never answers disappears by itself.")]
    [Note("Do these connections stay for ever? No: on Linux a silent peer's orphan is gone after about 108 s at default settings, on FreeBSD after 80 s to some minutes, on DragonFly after 18 s, on OpenBSD after 511 s.")]
    [Lab("default timers: 106 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_write_timeout(), tcp_orphan_retries()")]
    [FreeBSD(Holds, Measured, "12.2", "transcript fin-wait-1-life: gone after 80 s (157 s in other runs); sys/netinet/tcp_timer.c tcp_timer_rexmt(): TCP_MAXRXTSHIFT")]
    [DragonFly(Holds, Measured, "5.9", "transcript fin-wait-1-life: gone after 17.5 s; sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript fin-wait-1-life: gone after 511 s; sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [NetBSD(Holds, Source, "tcp_timer.c 1.89 (2015)", "sys/netinet/tcp_timer.c tcp_timer_rexmt(): TCP_MAXRXTSHIFT")]
    public Task SilentPeerOrphanExpires(Ip ip, Topology path) => Bench.Decide(Shrunk(ip, path), bed =>
    {
        Pair pair = bed.Connect();
        Pair open = bed.Connect("control");
        Victim victim = bed.Fork(pair, open);
        pair.Hush();
        victim.Write(10, open);
        WriteInVain(bed, victim, pair);

        victim.Kill();
        victim.Reap();
        bed.Control("the orphan is there after wait()", pair.VictimEnd.Look().State == FIN_WAIT_1);
        open.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after wait()");
        HaveOrphansGivenUpSoon(bed);
        SocketSeen orphan = pair.VictimEnd.AwaitGivingUp();
        bed.Control("the orphan whose peer has answered is not given up", open.VictimEnd.Look().State == FIN_WAIT_2);
        bed.Look("after the orphan was given up");

        return Answer.Holds(() =>
        {
            orphan.State.Should().Be(None, "nobody answers, and the kernel does not try for ever");
            pair.FromVictim.AcknowledgedBytes.Should().Be(0, "not one byte was acknowledged");
        });
    });

    [Claim("D07", "An orphan is given up earlier than a connection that still has its process, although the peer of both is equally silent.")]
    [Note("Why does the connection of a dead process time out so much sooner than that of a living one? Linux counts them apart: tcp_orphan_retries for orphans (108 s), tcp_retries2 for the others (about 15 minutes).")]
    [Lab("default timers: 106 s and 938 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_write_timeout(): tcp_orphan_retries() where SOCK_DEAD is set, else sysctl_tcp_retries2")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/netinet/tcp_timer.c tcp_timer_rexmt(): TCP_MAXRXTSHIFT for every connection")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [NetBSD(DoesNotHold, Source, "tcp_timer.c 1.89 (2015)", "sys/netinet/tcp_timer.c tcp_timer_rexmt(): TCP_MAXRXTSHIFT for every connection")]
    public Task OrphanExpiresBeforeOwnedConnection(Ip ip) => Bench.Decide(Shrunk(ip), bed =>
    {
        Pair pair = bed.Connect("orphan");
        Pair owned = bed.Connect("owned");
        Victim victim = bed.Fork(pair);
        Victim owner = bed.Fork(owned);
        owned.Hush();
        pair.Hush();
        WriteInVain(bed, owner, owned);
        WriteInVain(bed, victim, pair);

        victim.Kill();
        victim.Reap();
        bed.Control("the orphan is there after wait()", pair.VictimEnd.Look().State == FIN_WAIT_1);
        HaveOrphansGivenUpSoon(bed);
        SocketSeen orphan = pair.VictimEnd.AwaitGivingUp();
        SocketSeen held = owned.VictimEnd.Look();
        bed.Look("after the orphan was given up");

        return Answer
            .Holds(() =>
            {
                orphan.State.Should().Be(None);
                held.State.Should().Be(ESTABLISHED, "it was first to be left without an answer, and has an owner");
                held.SendQueue.Should().Be(10);
            })
            .DoesNotHold("the connection with an owner was given up first, as it was first to be left without an answer", () =>
            {
                orphan.State.Should().Be(None);
                held.State.Should().Be(None);
            });
    });

    [Claim("D08", "The setting net.ipv4.tcp_orphan_retries bounds an orphan's life, and 0 means 8, not none.")]
    [Note("Which sysctl shortens the life of these connections? net.ipv4.tcp_orphan_retries: with 1, 2, 3 or 4 an orphan is gone after 1.4, 3, 6.4 or 13 s, with 8 after 108 s. The 0 that the file shows by default is no bound of its own: it stands for 8.")]
    [Lab("default timers: 106 s for 0 and for 8")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_orphan_retries(): 0 becomes 8 while the retransmission timeout is below its maximum; retransmits_timed_out()")]
    [FreeBSD(NotApplicable, OnlyLinuxCounts)]
    [DragonFly(NotApplicable, OnlyLinuxCounts)]
    [OpenBSD(NotApplicable, OnlyLinuxCounts)]
    [NetBSD(NotApplicable, OnlyLinuxCounts)]
    public Task OrphanRetriesBoundsLifetime(Ip ip, [Each("8", "0")] string retries) => Bench.Decide(Shrunk(ip), bed =>
    {
        Pair pair = bed.Connect("orphan with 1");
        Pair longer = bed.Connect($"orphan with {retries}");
        Victim victim = bed.Fork(pair);
        Victim another = bed.Fork(longer);
        pair.Hush();
        longer.Hush();
        WriteInVain(bed, victim, pair);
        victim.Kill();
        bed.Control("the first connection is an orphan", pair.VictimEnd.Look().State == FIN_WAIT_1);
        bed.Set("net.ipv4.tcp_orphan_retries", "1");
        SocketSeen givenUp = pair.VictimEnd.Await(None);
        int sentAgain = pair.FromVictim.Retransmissions;
        bed.Look("with net.ipv4.tcp_orphan_retries 1, after the orphan was given up");

        bed.Set("net.ipv4.tcp_orphan_retries", retries);
        WriteInVain(bed, another, longer);
        another.Kill();
        bed.Control("the second connection is an orphan too", longer.VictimEnd.Look().State == FIN_WAIT_1);
        bool outlives = bed.Await(() => longer.FromVictim.Retransmissions > sentAgain);
        SocketSeen outliving = longer.VictimEnd.Look();
        bed.Look($"with net.ipv4.tcp_orphan_retries {retries}, after one retransmission more than the first orphan was granted");

        return Answer.Holds(() =>
        {
            givenUp.State.Should().Be(None, "1 is soon used up");
            sentAgain.Should().BePositive();
            outlives.Should().BeTrue($"with {retries} the kernel tries more often than with 1");
            outliving.State.Should().Be(FIN_WAIT_1);
        });
    });

    [Claim("D09", "TCP_USER_TIMEOUT, set by the process while it lived, still bounds the life of its orphan.")]
    [Note("Can a program itself limit how long its connections outlive it? On Linux it can: with TCP_USER_TIMEOUT the kernel drops the connection when data was unacknowledged for that long, whether or not the process is still there.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_write_timeout(): retransmits_timed_out() with icsk_user_timeout, tcp_clamp_rto_to_user_timeout(); RFC 5482")]
    [FreeBSD(Unknown, "TCP_MAXUNACKTIME of newer releases is the nearest there is, and nobody has tried it on an orphan")]
    [DragonFly(NotApplicable, "there is no TCP_USER_TIMEOUT")]
    [OpenBSD(NotApplicable, "there is no TCP_USER_TIMEOUT")]
    [NetBSD(NotApplicable, "there is no TCP_USER_TIMEOUT")]
    public Task UserTimeoutBoundsOrphan(Ip ip) => Bench.Decide(Shrunk(ip), bed =>
    {
        const int Milliseconds = 300;
        Pair pair = bed.Connect();
        Pair without = bed.Connect("control");
        Victim victim = bed.Fork(pair, without);
        victim.SetOption(SocketOption.TCP_USER_TIMEOUT, Milliseconds);
        without.Hush();
        pair.Hush();

        // What is unacknowledged is the FIN alone, so that nothing can time out before the death.
        victim.Kill();
        victim.Reap();
        bed.Control("the FIN is sent again by the kernel", bed.Await(() => pair.FromVictim.Retransmissions > 0));
        SocketSeen orphan = pair.VictimEnd.Await(None);
        AwaitFin(bed, pair, without);
        bed.Control("the same orphan without the option is still there", without.VictimEnd.Look().State == FIN_WAIT_1);
        bed.Look("after the orphan with the option was given up");

        return Answer.Holds(() => orphan.State.Should().Be(None, "its process had asked for that, and its death changes nothing about it"));
    });

    [Claim("D10", "An orphan that is given up sends no RST: its peer is not told.")]
    [Note("Why does the other side still show ESTABLISHED long after the server died? Because Linux gives the connection up in silence. The peer learns of it only when it sends something itself, and is answered with RST.")]
    [Lab("default timers: 106 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_write_err() sends nothing; a RST is sent only by tcp_out_of_resources()")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/netinet/tcp_timer.c tcp_timer_rexmt(): tcp_drop() sends RST in synchronised states")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/netinet/tcp_subr.c tcp_drop()")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/netinet/tcp_subr.c tcp_drop()")]
    [NetBSD(DoesNotHold, Source, "tcp_subr.c 1.264 (2015)", "sys/netinet/tcp_subr.c tcp_drop(): RST in synchronised states; sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    public Task ExpiredOrphanIsSilent(Ip ip, Topology path) => Bench.Decide(Shrunk(ip, path), bed =>
    {
        Pair pair = bed.Connect();
        Pair reset = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim another = bed.Fork(reset);
        another.SetLinger(0);
        Block hush = pair.Hush();
        WriteInVain(bed, victim, pair);
        victim.Kill();
        victim.Reap();
        bed.Control("the orphan is there after wait()", pair.VictimEnd.Look().State == FIN_WAIT_1);
        HaveOrphansGivenUpSoon(bed);
        SocketSeen orphan = pair.VictimEnd.AwaitGivingUp();

        // What is sent later is captured later: once this RST is there, all that was sent before is.
        another.Kill();
        bed.Control("a RST that is sent is seen", bed.Await(() => reset.FromVictim.HasReset));
        StreamSeen sent = pair.FromVictim;
        SocketSeen peer = pair.PeerEnd.Look();
        bed.Look("after the orphan was given up");
        hush.Lift();
        pair.PeerEnd.Write(1);
        bed.Control("what the peer sends then is answered with RST", pair.PeerEnd.Read() is { Error: Errno.ECONNRESET });

        return Answer
            .Holds(() =>
            {
                orphan.State.Should().Be(None);
                sent.HasReset.Should().BeFalse("it is given up in silence");
                peer.State.Should().Be(ESTABLISHED, "it was not told");
            })
            .DoesNotHold("it sends RST when it is given up", () =>
            {
                orphan.State.Should().Be(None);
                sent.HasReset.Should().BeTrue();
            });
    });

    [Claim("D11", "A RST of the peer's removes a FIN_WAIT_1 orphan at once.")]
    [Note("What if the other side has crashed and comes back? Its kernel knows nothing of the connection and answers with RST, and that ends the orphan at once; nothing waits for a timer.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_input.c tcp_validate_incoming(), tcp_reset(); RFC 9293 section 3.10.7.4")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_input.c tcp_do_segment()")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_input.c tcp_input()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input()")]
    [NetBSD(Holds, Source, "tcp_input.c 1.438.2.1 (2024)", "sys/netinet/tcp_input.c tcp_input(): RST in FIN_WAIT_1, if its number is the next that is expected")]
    public Task ResetKillsOrphan(Ip ip, Topology path) => Bench.Decide(ip, path, bed =>
    {
        Pair pair = bed.Connect();
        Pair quiet = bed.Connect("control");
        Victim victim = bed.Fork(pair, quiet);
        pair.Hush();
        quiet.Hush();
        victim.Write(10);
        victim.Write(10, quiet);
        victim.Kill();
        victim.Reap();
        AwaitOrphans(bed, pair, quiet);
        bed.Look("before the RST");

        pair.PeerEnd.Reset();
        SocketSeen orphan = pair.VictimEnd.Await(None);
        bed.Control("the RST has crossed the path", bed.Await(() => pair.FromPeer.HasReset));
        bed.Control("the orphan that was sent no RST is still there", quiet.VictimEnd.Look().State == FIN_WAIT_1);
        bed.Look("after the RST");

        return Answer.Holds(() => orphan.State.Should().Be(None, "a reset needs nobody to be told of it"));
    });

    [Claim("D12", "Data that reaches a FIN_WAIT_1 orphan is answered with RST, and ends the orphan.")]
    [Note("Why did the client lose the end of the reply when it was still sending? Nobody is there to read what it sends, so the kernel answers with RST and throws away what it had still to deliver.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_input.c tcp_rcv_state_process(): RCV_SHUTDOWN, TCPAbortOnData; RFC 1122 section 4.2.2.13")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_input.c tcp_do_segment(): SS_NOFDREF and a state behind CLOSE_WAIT")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_input.c tcp_input(): SS_NOFDREF and a state behind CLOSE_WAIT")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(): SS_NOFDREF and a state behind CLOSE_WAIT")]
    [NetBSD(Holds, Source, "tcp_input.c 1.438.2.1 (2024)", "sys/netinet/tcp_input.c tcp_input(): SS_NOFDREF and a state behind CLOSE_WAIT")]
    public Task LateDataForFinWait1OrphanResets(Ip ip, Topology path) => Bench.Decide(ip, path, bed =>
    {
        Pair pair = bed.Connect();
        Pair owned = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim owner = bed.Fork(owned);
        pair.Block(Blocker.FirewallInbound);
        owned.Block(Blocker.FirewallInbound);
        victim.Write(10);
        owner.Write(10, owned);
        victim.Kill();
        victim.Reap();
        AwaitOrphans(bed, pair);
        bed.Look("before the peer writes");

        owned.PeerEnd.Write(5);
        pair.PeerEnd.Write(5);
        SocketSeen orphan = pair.VictimEnd.Await(None);
        bool isAnsweredWithReset = bed.Await(() => pair.FromVictim.HasReset);
        bed.Control(
            "where there is a process, the data is acknowledged and not answered with RST",
            bed.Await(() => owned.FromPeer.AcknowledgedBytes == 5) && !owned.FromVictim.HasReset);
        bed.Look("after the peer has written");

        return Answer.Holds(() =>
        {
            isAnsweredWithReset.Should().BeTrue("nobody will ever read it");
            orphan.State.Should().Be(None);
        });
    });

    [Claim("D13", "If the peer had closed first, a blocked death leaves LAST_ACK instead of FIN_WAIT_1, and that orphan is given up in the same way.")]
    [Note("Why do I see LAST_ACK and not FIN_WAIT_1? Because the other side had ended its direction first. It lives as long as one in FIN_WAIT_1, and the same setting bounds it.")]
    [Lab("default timers: 106 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_close_state(), new_state[TCP_CLOSE_WAIT]; net/ipv4/tcp_timer.c tcp_write_timeout()")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_usrreq.c tcp_usrclosed(); sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_usrreq.c tcp_usrclosed(); sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_usrclosed(); sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [NetBSD(Holds, Source, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_usrclosed(); sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    public Task DeathInCloseWaitLeavesLastAck(Ip ip) => Bench.Decide(Shrunk(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair owned = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim owner = bed.Fork(owned);
        pair.PeerEnd.ShutdownWrite();
        owned.PeerEnd.ShutdownWrite();
        bed.Control(
            "the FINs of the peers have arrived",
            pair.VictimEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT && owned.VictimEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT);
        bed.Control(
            "and the peers have their acknowledgements, before the path is blocked",
            pair.PeerEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && owned.PeerEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        owned.Hush();
        pair.Hush();
        WriteInVain(bed, owner, owned);
        WriteInVain(bed, victim, pair);

        victim.Kill();
        SocketSeen left = pair.VictimEnd.Look();
        bed.Look("before wait()");
        victim.Reap();
        HaveOrphansGivenUpSoon(bed);
        SocketSeen orphan = pair.VictimEnd.AwaitGivingUp();
        bed.Control("the connection that has an owner is not given up", owned.VictimEnd.Look().State == CLOSE_WAIT);
        bed.Look("after the orphan was given up");

        return Answer.Holds(() =>
        {
            left.State.Should().Be(LAST_ACK);
            left.SendQueue.Should().Be(10);
            orphan.State.Should().Be(None);
        });
    });

    [Claim("D14", "Death during connect() leaves no TCP state behind: a SYN-ACK that comes late is answered with RST.")]
    [Note("Does a process that dies while it is still connecting leave anything behind? No: the attempt is forgotten with it, and should the server answer later after all, the kernel refuses with RST.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): tcp_close_state() of SYN_SENT is CLOSE; net/ipv4/tcp_ipv4.c tcp_v4_send_reset(); RFC 9293 section 3.10.7.1")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_usrreq.c tcp_usrclosed(): TCPS_SYN_SENT; tcp_input.c tcp_dropwithreset()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_usrreq.c tcp_usrclosed(): TCPS_SYN_SENT")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_usrclosed(): TCPS_SYN_SENT")]
    [NetBSD(Holds, Inferred, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_disconnect1(), tcp_usrclosed(): TCPS_SYN_SENT")]
    public Task DeathInSynSentLeavesNothing(Ip ip, Topology path) => Bench.Decide(ip, path, bed =>
    {
        Victim server = bed.ForkBystander(Host.Peers);
        int listener = server.Socket(ip);
        Endpoint silent = server.Listen(listener, bed.Address(Host.Peers));
        server.HearNothing(listener);
        Victim victim = bed.Fork();
        Victim survivor = bed.Fork();
        End attempt = BlockInConnect(bed, "the attempt", victim, ip, silent);
        End living = BlockInConnect(bed, "control", survivor, ip, silent);
        bed.Control(
            "both are in SYN_SENT, inside connect()",
            attempt.Look().State == SYN_SENT && living.Look().State == SYN_SENT && victim.IsBlocked() && survivor.IsBlocked());

        victim.Kill();
        SocketSeen left = attempt.Look();
        bed.Look("before wait()");
        AnswerSyn(bed, attempt);
        AnswerSyn(bed, living);
        bed.Control("where the process lives, the same answer establishes the connection", living.Await(ESTABLISHED).State == ESTABLISHED);
        bool isRefused = bed.Await(() => bed.Stream(attempt.Tuple.Local, attempt.Tuple.Remote).HasReset);
        bed.Look("after the late SYN-ACK");

        return Answer.Holds(() =>
        {
            left.State.Should().Be(None);
            isRefused.Should().BeTrue("the kernel knows nothing of such an attempt any more");
        });
    });

    [Claim("D15", "An administrator can remove an orphan: ss -K on Linux, tcpdrop(8) on the BSDs.")]
    [Note("There is no process to kill: how do I get rid of it? By its four-tuple: ss -K dst ADDRESS dport = PORT on Linux (kernels with CONFIG_INET_DIAG_DESTROY), tcpdrop(8) on the BSDs. The peer is sent a RST.")]
    [Linux(Holds, Measured, "6.1.176, 6.12.117, 6.18, 7.2", "net/ipv4/tcp_diag.c tcp_diag_destroy(); net/ipv4/tcp.c tcp_abort(), for orphans too", Since = "5.11")]
    [Linux(DoesNotHold, Measured, "5.10.223", "net/ipv4/tcp.c tcp_abort(): left SOCK_DEAD alone, and said that it had succeeded; what lies between 5.10 and 6.1.176 was not asked", Until = "5.11")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_subr.c sysctl_drop(); tcpdrop(8)")]
    [DragonFly(Holds, Source, "5.9", "net.inet.tcp.drop; tcpdrop(8)")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_ident(); tcpdrop(8)")]
    [NetBSD(Holds, Source, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c sysctl_net_inet_tcp_ident(), for net.inet.tcp.drop too: tcp_drop(); tcpdrop(8)")]
    public Task AdministratorCanDropOrphan(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim victim = bed.Fork(pair, other);
        pair.Hush();
        other.Hush();
        victim.Write(10);
        victim.Write(10, other);
        victim.Kill();
        victim.Reap();
        AwaitOrphans(bed, pair, other);
        bed.Look("before it is removed");

        pair.VictimEnd.Drop();
        SocketSeen orphan = pair.VictimEnd.Await(None);
        bed.Await(() => pair.FromVictim.HasReset);
        bed.Control("the orphan that was not named is still there", other.VictimEnd.Look().State == FIN_WAIT_1);
        bed.Look("after it was removed");

        return Answer
            .Holds(() => orphan.State.Should().Be(None, "it needs no process to be removed"))
            .DoesNotHold("it stays as if nobody had asked", () => orphan.State.Should().Be(FIN_WAIT_1));
    });

    [Claim("D16", "With tcp_orphan_retries 0, an orphan is given up as soon as its retransmission timeout has reached its upper bound, net.ipv4.tcp_rto_max_ms.")]
    [Note("Does net.ipv4.tcp_rto_max_ms shorten the life of orphans? Much: the 8 that tcp_orphan_retries 0 stands for is granted only while the timeout still grows. With a bound of 2 s an orphan is gone after 5 s instead of 108 s.")]
    [Linux(NotApplicable, "tcp_rto_max_ms is new in 6.15", Until = "6.15")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_write_timeout(): alive is icsk_rto below tcp_rto_max(); tcp_orphan_retries()", Since = "6.15")]
    [FreeBSD(NotApplicable, OnlyLinuxCounts)]
    [DragonFly(NotApplicable, OnlyLinuxCounts)]
    [OpenBSD(NotApplicable, OnlyLinuxCounts)]
    [NetBSD(NotApplicable, OnlyLinuxCounts)]
    public Task RtoMaxShortensOrphan(Ip ip) => Bench.Decide(
        new TestbedPlan(ip, Topology.Loopback)
        {
            AwaitsRetransmissions = true,
            Settings = new Dictionary<string, string>
            {
                ["net.ipv4.tcp_orphan_retries"] = "8",
                ["net.ipv4.tcp_rto_max_ms"] = "1000",
                ["net.ipv4.tcp_rto_min_us"] = "500000",
                ["net.ipv4.tcp_early_retrans"] = "0",
            },
        },
        bed =>
        {
            const int SystemDefault = 120_000;
            Pair pair = bed.Connect();
            Pair higher = bed.Connect("control");
            Victim victim = bed.Fork(pair, higher);
            victim.SetOption(SocketOption.TCP_RTO_MAX_MS, SystemDefault, higher);
            higher.Hush();
            pair.Hush();
            WriteInVain(bed, victim, higher, pair);

            victim.Kill();
            victim.Reap();
            bed.Control("the orphan is there after wait()", pair.VictimEnd.Look().State == FIN_WAIT_1);
            bed.Look("with net.ipv4.tcp_orphan_retries 8, after wait()");
            bed.Set("net.ipv4.tcp_orphan_retries", "0");
            SocketSeen orphan = pair.VictimEnd.Await(None);
            bed.Control("the same orphan with an upper bound of 120 s is still there", higher.VictimEnd.Look().State == FIN_WAIT_1);
            bed.Look("with net.ipv4.tcp_orphan_retries 0, after the orphan with an upper bound of 1 s was given up");

            return Answer.Holds(() => orphan.State.Should().Be(None));
        });

    // The first retransmission after 50 ms instead of 200 ms, and no tail loss probes: a segment is sent again only when its
    // retransmission timer has fired.
    private static TestbedPlan Shrunk(Ip ip, Topology path = Topology.Loopback) => new(ip, path)
    {
        AwaitsRetransmissions = true,
        Settings = new Dictionary<string, string>
        {
            ["net.ipv4.tcp_rto_min_us"] = "50000",
            ["net.ipv4.tcp_early_retrans"] = "0",
        },
    };

    // Until now an orphan lives for 100 s, long enough for any machine to look at it; from now on for less than a second.
    private static void HaveOrphansGivenUpSoon(Testbed bed) => bed.Set("net.ipv4.tcp_orphan_retries", "1");

    private static void AwaitOrphans(Testbed bed, params Pair[] pairs)
    {
        AwaitFin(bed, pairs);
        bed.Control(
            "nothing was acknowledged, and the orphan is there",
            pairs.All(pair => pair.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: 10 } && pair.FromVictim.AcknowledgedBytes == 0));
    }

    private static void AwaitFin(Testbed bed, params Pair[] pairs) =>
        bed.Control("FIN has crossed the path", bed.Await(() => pairs.All(pair => pair.FromVictim.HasFin)));

    // Once data was sent again, Linux holds back the FIN that comes after it: so what crosses the path is the same at every run
    // (architecture.md, trap 4).
    private static void WriteInVain(Testbed bed, Victim victim, params Pair[] pairs)
    {
        foreach (Pair pair in pairs)
        {
            victim.Write(10, pair);
        }

        bed.Control(
            "nobody answers, and it is sent again",
            pairs.All(pair => pair.VictimEnd.Await(pair.VictimEnd.HasSentAgain) is { SendQueue: 10 } seen && pair.VictimEnd.HasSentAgain(seen)));
    }

    private static int BoundWithReuse(Victim process, Ip ip, Endpoint to)
    {
        int socket = process.Socket(ip);
        process.SetOption(socket, SocketOption.SO_REUSEADDR, 1);
        process.Bind(socket, to);
        return socket;
    }

    private static End BlockInConnect(Testbed bed, string name, Victim victim, Ip ip, Endpoint to)
    {
        int socket = victim.Socket(ip);
        victim.Bind(socket, bed.Address(Host.Victims));
        Endpoint local = victim.LocalName(socket);
        victim.Begin("connect() blocks", new Call(CallKind.Connect, socket) { Address = to });
        return bed.Watch(name, local, to);
    }

    // The SYN-ACK that the server would have sent.
    private static void AnswerSyn(Testbed bed, End attempt)
    {
        const uint AnyNumber = 1000;
        bed.Control("a SYN has crossed the path", bed.Await(() => bed.Captured.Any(IsSyn)));
        uint acknowledgment = bed.Captured.First(IsSyn).Sequence + 1;
        bed.Inject(
            new Segment(0, attempt.Tuple.Reversed, AnyNumber, acknowledgment, TcpFlags.SYN | TcpFlags.ACK, ushort.MaxValue, 0),
            Host.Peers);

        bool IsSyn(Segment segment) => segment.Tuple == attempt.Tuple && segment.Flags.HasFlag(TcpFlags.SYN);
    }
}
