namespace Zocket.Conformance;

[Family("K", "How the blocking itself acts")]
public sealed class Blockers
{
    private const string OnlyLinux = "SO_ATTACH_FILTER exists on Linux only";

    [Claim("K01", "A socket filter that accepts nothing, on the victim's own socket, drops what it receives, not what it sends: the peer gets data and FIN, the victim stays in FIN_WAIT_1.")]
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
}
