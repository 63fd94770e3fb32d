using System.Net;

namespace Zocket.Conformance;

[Family("K", "How the blocking itself acts")]
public sealed class Blockers
{
    private const string OnlyLinux = "SO_ATTACH_FILTER exists on Linux only";
    private const string OnlyLinuxQueues = "queueing disciplines that tell TCP of a drop are Linux's";

    [Claim("K01", "A socket filter that accepts nothing, on the victim's own socket, drops what it receives, not what it sends: the peer gets data and FIN, the victim stays in FIN_WAIT_1.")]
    [Note("My packet filter drops everything on this socket: why did the peer get the data all the same? A socket filter sees what its own socket receives, so on the sender it stops the acknowledgements only. The data arrives, and the sender goes on repeating it.")]
    [Linux(Holds, Measured, "6.18", "net/core/filter.c sk_attach_filter(); net/ipv4/tcp_ipv4.c tcp_v4_rcv(): tcp_filter() on what comes in")]
    [FreeBSD(NotApplicable, OnlyLinux)]
    [DragonFly(NotApplicable, OnlyLinux)]
    [OpenBSD(NotApplicable, OnlyLinux)]
    public Task FilterOnSenderStopsAcksOnly(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair open = bed.Connect("control");
        pair.Block(Blocker.FilterOnVictim);
        Victim victim = bed.Fork(pair, open);
        victim.Write(5);
        victim.Write(5, open);

        victim.Kill();
        IoResult read = pair.PeerEnd.Read();
        bed.Control("the peer's acknowledgements do cross the path", bed.Await(() => pair.FromVictim.IsFinAcknowledged));
        bed.Control("without the filter the same death ends in FIN_WAIT_2", open.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(5);
            read.EndOfStream.Should().BeTrue();
            orphan.State.Should().Be(FIN_WAIT_1, "the peer's acknowledgements are dropped");
            orphan.SendQueue.Should().Be(5);
        });
    });

    [Claim("K02", "The same filter on the peer's socket makes a black hole: nothing arrives, nothing is acknowledged.")]
    [Note("Where does a filter have to sit to make a peer fall silent? On the receiving socket: there it eats data and FIN, nothing is acknowledged, and the sender keeps everything. tcpdump shows the segments all the same, because they did arrive at the host.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_ipv4.c tcp_v4_rcv(): tcp_filter() before the segment is looked at")]
    [FreeBSD(NotApplicable, OnlyLinux)]
    [DragonFly(NotApplicable, OnlyLinux)]
    [OpenBSD(NotApplicable, OnlyLinux)]
    public Task FilterOnPeerMakesBlackHole(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair open = bed.Connect("control");
        Victim victim = bed.Fork(pair, open);
        pair.Block(Blocker.FilterOnPeer);
        victim.Write(5);
        victim.Write(5, open);

        victim.Kill();
        bed.Control("without the filter the peer reads the bytes and the end of the stream", open.PeerEnd.Read() is { Bytes: 5, EndOfStream: true });
        open.VictimEnd.Await(FIN_WAIT_2);
        bed.Control("the segments did cross the path", bed.Await(() => pair.FromVictim is { Bytes: 5, HasFin: true }));
        IoResult read = pair.PeerEnd.ReadNow();
        SocketSeen peer = pair.PeerEnd.Look();
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            read.Should().Be(new IoResult(0, false, Errno.EAGAIN), "nothing arrives");
            peer.State.Should().Be(ESTABLISHED, "not even the FIN");
            pair.FromVictim.AcknowledgedBytes.Should().Be(0, "nothing is acknowledged");
            orphan.State.Should().Be(FIN_WAIT_1);
        });
    });

    [Claim("K03", "The filter stays with the orphan after its process died: not even RST reaches it.")]
    [Note("Does the filter go away with the process that attached it? No, it belongs to the socket and goes when the socket does. An orphan with such a filter cannot even be ended by a RST from its peer; only its timers or ss -K end it.")]
    [Linux(Holds, Measured, "6.18", "include/net/sock.h: sk_filter belongs to struct sock and is freed with it, net/core/sock.c __sk_destruct()")]
    [FreeBSD(NotApplicable, OnlyLinux)]
    [DragonFly(NotApplicable, OnlyLinux)]
    [OpenBSD(NotApplicable, OnlyLinux)]
    public Task FilterSurvivesItsProcess(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair reachable = bed.Connect("control");
        pair.Block(Blocker.FilterOnVictim);
        reachable.Block(Blocker.FilterOnPeer);
        Victim victim = bed.Fork(pair, reachable);
        victim.Write(5);
        victim.Write(5, reachable);
        victim.Kill();
        victim.Reap();
        bed.Control(
            "both orphans are in FIN_WAIT_1",
            pair.VictimEnd.Look().State == FIN_WAIT_1 && reachable.VictimEnd.Look().State == FIN_WAIT_1);
        bed.Control("the FINs of both have crossed the path", bed.Await(() => pair.FromVictim.HasFin && reachable.FromVictim.HasFin));

        bed.Control("the peer has got the FIN and acknowledged it in vain", bed.Await(() => pair.FromVictim.IsFinAcknowledged));
        pair.PeerEnd.Reset();
        reachable.PeerEnd.Reset();
        bed.Control("a RST did cross the path", bed.Await(() => pair.FromPeer.HasReset));
        bed.Control("a RST ends an orphan whose own socket has no filter", reachable.VictimEnd.Await(None).IsGone);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("after both peers have reset");

        return Answer.Holds(() => orphan.State.Should().Be(FIN_WAIT_1, "the filter drops the RST as it drops everything"));
    });

    [Claim("K04", "An accept filter holds back accept() only, never segments: the handshake is completed, and data is acknowledged.")]
    [Note("Can accept_filter(9) stop a stream, as a socket filter does on Linux? No: it only puts off the moment at which accept() returns. SO_ATTACH_FILTER itself exists on Linux only.")]
    [Linux(NotApplicable, "Linux has no accept filters")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/uipc_accf.c accept_filt_setopt(); sys/kern/uipc_socket.c soisconnected(); accept_filter(9)")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/uipc_accf.c; sys/kern/uipc_socket2.c soisconnected(); accept_filter(9)")]
    [OpenBSD(NotApplicable, "OpenBSD has no accept filters")]
    public Task AcceptFilterIsNotSocketFilter(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim server = bed.ForkBystander();
        int listener = server.Socket(ip);
        Endpoint address = server.Listen(listener, AnyPort(ip));
        server.AcceptOnlyWithData(listener);
        Victim victim = bed.Fork();
        int connected = victim.Socket(ip);
        server.Begin("accept() blocks", new Call(CallKind.Accept, listener));

        victim.Connect(connected, address);
        End victimsEnd = bed.Watch("victim's end", victim.LocalName(connected), address);
        SocketSeen beforeData = victimsEnd.Look();
        bool wasHeldBack = !server.HasReturned();
        bed.Look("connected, and nothing written");
        victim.WriteTo(connected, 10);
        SocketSeen afterData = victimsEnd.Await(seen => seen.SendQueue == 0);
        bed.Control("with data there accept() returns", server.AwaitReturn() is { Error: Errno.None });
        bed.Look("after ten bytes");

        return Answer.Holds(() =>
        {
            beforeData.State.Should().Be(ESTABLISHED, "the handshake is not the filter's to hold back");
            wasHeldBack.Should().BeTrue();
            afterData.SendQueue.Should().Be(0, "the kernel acknowledges what no process has accepted yet");
        });
    });

    [Claim("K05", "When the firewall drops an outgoing segment, write() reports an error.")]
    [Note("Does my program notice that the local firewall eats what it sends? On Linux no: write() succeeds, the bytes wait, and the kernel tries again. On FreeBSD and OpenBSD write() fails with EACCES, though the bytes are queued all the same (K06).")]
    [Linux(DoesNotHold, Measured, "6.18", "net/ipv4/tcp.c tcp_push() has no result; net/ipv4/tcp_output.c tcp_write_xmit() keeps what __ip_local_out() refused with EPERM")]
    [FreeBSD(Holds, Measured, "12.2", "transcripts' README, pf block drop out: every write() fails with EACCES; sys/netinet/tcp_output.c tcp_output()")]
    [DragonFly(DoesNotHold, Measured, "5.9", "transcripts' README, pf block drop out: all three return 10, as in transcript close-and-signals, hush dir=1; sys/netinet/tcp_usrreq.c: sent asynchronously")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript fin-wait-1-life, pf block drop out: the first write() fails with EACCES; sys/netinet/ip_output.c ip_output()")]
    public Task FirewallDropFailsWrite(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair inbound = bed.Connect("control");
        Victim victim = bed.Fork(pair, inbound);
        pair.Block(Blocker.FirewallOutbound);
        inbound.Block(Blocker.FirewallInbound);

        Returned written = victim.AttemptWrite(10);
        bed.Control("what is dropped only where the peer receives is written", victim.Write(10, inbound) == 10);
        bed.Control("and it has left the host", bed.Await(() => inbound.FromVictim.Bytes == 10));
        SocketSeen queued = pair.VictimEnd.Look();
        bed.Look("after write()");
        victim.Kill();
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Control("the ten bytes did not leave the host", pair.FromVictim.Bytes == 0);
        bed.Look("after the death");

        return Answer
            .Holds(() => written.Error.Should().BeOneOf(Errno.EACCES, Errno.EPERM))
            .DoesNotHold("write() succeeds, and the bytes wait in the send queue", () =>
            {
                written.Error.Should().Be(Errno.None);
                written.Value.Should().Be(10);
                queued.SendQueue.Should().Be(10);
                orphan.State.Should().Be(FIN_WAIT_1, "they are not lost with the process either");
                orphan.SendQueue.Should().Be(10);
            });
    });

    [Claim("K06", "Though write() failed, the bytes are in the send queue and are delivered when the rule goes.")]
    [Note("After write() failed with EACCES, should I write again? No: the bytes are in the queue already and go out when the firewall lets them, so a repeated write sends them twice.")]
    [Linux(NotApplicable, "write() does not fail there (K05)")]
    [FreeBSD(Holds, Measured, "12.2", "transcripts' README: Send-Q 30, all delivered after unblocking; sys/netinet/tcp_usrreq.c tcp_usr_send(): sbappendstream() before tcp_output()")]
    [DragonFly(NotApplicable, "write() does not fail there (K05)")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part A, out.pf: FIN_WAIT_1 with Send-Q 30, all acknowledged after pf was disabled; sys/netinet/tcp_usrreq.c tcp_send()")]
    public Task FailedWriteIsStillQueued(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { AwaitsRetransmissions = true }, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        Block rule = pair.Block(Blocker.FirewallOutbound);
        bed.Control("write() fails", victim.AttemptWrite(10).Error is Errno.EACCES or Errno.EPERM);
        SocketSeen queued = pair.VictimEnd.Look();
        bed.Control("while the rule is there the peer can read nothing", pair.PeerEnd.ReadNow().Bytes == 0);
        bed.Look("after the failed write()");

        rule.Lift();
        IoResult read = pair.PeerEnd.Read(10);
        victim.Kill();
        bed.Look("after the rule has gone, and the process too");

        return Answer.Holds(() =>
        {
            queued.SendQueue.Should().Be(10, "write() had queued them before it failed");
            read.Bytes.Should().Be(10, "the kernel sends them again when it may");
        });
    });

    [Claim("K07", "What the local queueing discipline drops is tried again every 500 ms without backoff, and what the local firewall drops is not.")]
    [Note("How long does an orphan last when its own host drops what it sends? Not as long as with a silent peer: such tries are counted like window probes, and after a drop in a queue they come every 500 ms, so by default it is over after some 4 s instead of 108 s. A full transmit queue is no silent peer, and an experiment that blocks with tc measures another clock.")]
    [Lab("default tcp_orphan_retries: 4 s behind the queue, 102 s behind the firewall")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_send_probe0(): TCP_RESOURCE_PROBE_INTERVAL for an error above 0, which is a queue's, tcp_probe0_when() for others; net/ipv4/tcp_timer.c tcp_probe_timer()")]
    [FreeBSD(NotApplicable, OnlyLinuxQueues)]
    [DragonFly(NotApplicable, OnlyLinuxQueues)]
    [OpenBSD(NotApplicable, OnlyLinuxQueues)]
    public Task QueueingDisciplineDropRetriesWithoutBackoff(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { AwaitsRetransmissions = true, Settings = OrphanRetries(3) }, bed =>
    {
        Pair queued = bed.Connect();
        Pair refused = bed.Connect("control");
        Victim victim = bed.Fork(queued, refused);
        refused.Block(Blocker.FirewallOutbound);
        queued.Block(Blocker.QueueingDiscipline);
        long before = bed.Now();
        victim.Write(10);
        victim.Write(10, refused);
        victim.Kill();
        SocketSeen orphan = queued.VictimEnd.Look();
        bed.Control("what the firewall dropped is in the queue of an orphan too", refused.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: 10 });
        bed.Look("before the first try");

        // The longest that either is to wait for its next try, by the kernel's own timer: a look may come late, and then sees less.
        TimeSpan longest = TimeSpan.Zero;
        TimeSpan longestOfControl = TimeSpan.Zero;
        SocketSeen gone = queued.VictimEnd.Await(seen =>
        {
            longest = Longer(longest, seen.TimeLeft);
            longestOfControl = Longer(longestOfControl, refused.VictimEnd.Look().TimeLeft);
            return seen.IsGone;
        });
        TimeSpan life = TimeSpan.FromMicroseconds((bed.Now() - before) / 1000.0);
        bed.Control("behind the firewall the time between the tries grows beyond that", longestOfControl > TimeSpan.FromMilliseconds(600));
        bed.Control("nothing has left the host", queued.FromVictim.Bytes == 0 && refused.FromVictim.Bytes == 0);

        return Answer.Holds(() =>
        {
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.SendQueue.Should().Be(10);
            gone.State.Should().Be(None, "three tries are all that tcp_orphan_retries grants it");
            longest.Should().BeLessThanOrEqualTo(TimeSpan.FromMilliseconds(520), "no try is put off for longer than the one before");
            life.Should().BeGreaterThan(TimeSpan.FromMilliseconds(1600), "nor for less: 200 ms pass before the first, and 500 ms after each of the three");
        });
    });

    [Claim("K08", "A block rule loaded later does not touch a connection that already has a state in the firewall.")]
    [Note("I have loaded a rule that blocks a connection, and it goes on: why? With pf a packet that fits a state is not held against the rules any more; kill the state too (pfctl -k).")]
    [Linux(NotApplicable, "nf_tables holds every packet against its rules, unless a rule asks for the state (ct state)")]
    [FreeBSD(Holds, Documented, "13.0", "pf.conf(5), keep state; tests/sys/netpfil/pf/killstate.sh")]
    [DragonFly(Holds, Documented, "5.9", "pf.conf(5), keep state")]
    [OpenBSD(Holds, Documented, "the snapshot of August 2026", "pf.conf(5): pass keeps state; regress/sys/net/pf_state")]
    public Task ExistingStateBypassesNewBlockRule(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect(plan: new PairPlan { HasFirewallState = true });
        Pair stateless = bed.Connect("control");
        Victim victim = bed.Fork(pair, stateless);
        pair.Block(Blocker.FirewallInboundBesideState);
        stateless.Block(Blocker.FirewallInbound);
        victim.Write(10);
        victim.Write(10, stateless);

        IoResult read = pair.PeerEnd.Read(10);
        bed.Control("where there is no state, the peer can read nothing", stateless.PeerEnd.ReadNow().Bytes == 0);
        victim.Kill();
        SocketSeen acknowledged = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Control("and the death leaves an orphan with its bytes", stateless.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: 10 });
        bed.Look("before wait()");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(10);
            acknowledged.State.Should().Be(FIN_WAIT_2, "not even the FIN is stopped");
        });
    });

    [Claim("K09", "A firewall that answers with RST ends the connection instead of leaving an orphan.")]
    [Note("Drop or reject: does it matter to a connection whose process has died? Dropping leaves the orphan to its timers; answering with RST ends it at its next segment. The peer behind the firewall hears nothing of either, and keeps a half-open connection.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/netfilter/nf_reject_ipv4.c nf_send_reset(), net/ipv6/netfilter/nf_reject_ipv6.c nf_send_reset6(); net/ipv4/tcp_input.c tcp_reset()")]
    [FreeBSD(Holds, Documented, "13.0", "pf.conf(5), block return")]
    [DragonFly(Holds, Documented, "5.9", "pf.conf(5), block return")]
    [OpenBSD(Holds, Documented, "the snapshot of August 2026", "pf.conf(5), block return")]
    public Task BlockReturnEndsInsteadOfOrphaning(Ip ip, [Each("before the write", "after the death")] string rule) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { AwaitsRetransmissions = rule == "after the death" }, bed =>
    {
        Pair pair = bed.Connect();
        Pair dropped = bed.Connect("control");
        Victim victim = bed.Fork(pair, dropped);
        dropped.Block(Blocker.FirewallInbound);
        if (rule == "before the write")
        {
            pair.Block(Blocker.FirewallReset);
            victim.Write(10);
            bed.Control("what is written is answered with RST", pair.VictimEnd.Await(None).IsGone);
            victim.Kill();
        }
        else
        {
            Block drop = pair.Block(Blocker.FirewallInbound);
            victim.Kill();
            bed.Control("before the rule is changed there is an orphan", pair.VictimEnd.Look().State == FIN_WAIT_1);
            bed.Control("the FIN has crossed the path", bed.Await(() => pair.FromVictim.HasFin));
            pair.Block(Blocker.FirewallReset);
            drop.Lift();
        }

        SocketSeen left = pair.VictimEnd.Await(None);
        bool wasReset = bed.Await(() => pair.FromPeer.HasReset);
        SocketSeen peer = pair.PeerEnd.Look();
        bed.Control(
            "where the same rule only drops, the death leaves an orphan",
            dropped.VictimEnd.Look().State == FIN_WAIT_1 && !dropped.FromPeer.HasReset);
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            left.State.Should().Be(None);
            wasReset.Should().BeTrue();
            peer.State.Should().Be(ESTABLISHED, "it was the firewall that answered, in the peer's name");
        });
    });

    private static Dictionary<string, string> OrphanRetries(int tries) => new() { ["net.ipv4.tcp_orphan_retries"] = $"{tries}" };

    private static Endpoint AnyPort(Ip ip) => new(ip == Ip.IPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback, 0);

    private static TimeSpan Longer(TimeSpan one, TimeSpan? other) => other > one ? other.Value : one;
}
