namespace Zocket.Conformance;

[Family("D", "FIN_WAIT_1 orphans: visibility, life, end")]
public sealed class FinWait1Orphans
{
    [Claim("D01", "A process that dies with unacknowledged data leaves its connection in FIN_WAIT_1 with the data still in the send queue.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_close_state(), __tcp_close(); RFC 9293 section 3.10.4; Linux counts the FIN in Send-Q")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers: FIN_WAIT_1, Send-Q 30; sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers; sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger: FIN_WAIT_1, Send-Q 30; sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
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
    [Linux(Holds, Measured, "6.18", "include/net/sock.h sock_orphan(); net/ipv4/inet_diag.c: inode 0 and uid 0 without a struct socket")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers: sockstat prints ? for user, command and pid")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers: no file refers to the socket")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger: fstat lists no such stream")]
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
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_retransmit_timer() asks for no owner")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_rexmt()")]
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

        bool again = bed.Await(() => pair.FromVictim.Retransmissions >= before + 2);
        bed.Control(
            "where the peer has acknowledged, nothing is sent twice",
            open.FromVictim is { Retransmissions: 0, IsFinAcknowledged: true });
        hush.Lift();
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after two more retransmissions, and the acknowledgement of the last");

        return Answer.Holds(() => again.Should().BeTrue("the data belongs to the kernel, not to the process"));
    });

    [Claim("D04", "If the path opens again, the peer gets every byte and then the end of the stream, though the process is gone.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_retransmit_skb(); RFC 9293 section 3.6: CLOSE means no more data to send")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_output.c tcp_output()")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_output.c tcp_output()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_output.c tcp_output()")]
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
}
