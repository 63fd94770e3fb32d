using System.Net;

namespace Zocket.Conformance;

[Family("G", "TIME_WAIT")]
public sealed class TimeWait
{
    // Far less than TIME_WAIT lasts, far more than a look at it may come late.
    private static readonly TimeSpan NearlyAMinute = TimeSpan.FromSeconds(50);

    // The kernel rounds what is left up to its own ticks.
    private static readonly TimeSpan AMinute = TimeSpan.FromSeconds(60) + TimeSpan.FromMilliseconds(100);

    [Claim("G01", "If the dying process closed first and the peer closed after it, TIME_WAIT remains with no owner.")]
    [Note("Who is in TIME_WAIT when the process is long gone? Nobody: the side that closed first keeps the connection's numbers for a minute, and by then no process can be asked about it. So lsof and ss -p show no name beside such a line, and there is nothing to kill.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_timewait_state_process(), tcp_time_wait(); RFC 9293 section 3.6")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_timewait.c tcp_twstart()")]
    [DragonFly(Holds, Measured, "5.9", "transcript linger-and-death: TIME_WAIT, NOFDREF; sys/netinet/tcp_input.c tcp_input(), case TCPS_FIN_WAIT_2")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(), case TCPS_FIN_WAIT_2")]
    public Task TimeWaitNeedsNoProcess(Ip ip, Topology path) => Bench.Decide(new TestbedPlan(ip, path) { LeavesTimeWait = true }, bed =>
    {
        Pair pair = bed.Connect();
        Pair open = bed.Connect("control");
        Victim victim = bed.Fork(pair, open);

        victim.Kill();
        victim.Reap();
        bed.Control("the peer has got the FIN", pair.PeerEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT);
        pair.PeerEnd.Close();
        SocketSeen left = pair.VictimEnd.Await(TIME_WAIT);
        bed.Control("where the peer has not closed, it is FIN_WAIT_2", open.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        pair.PeerEnd.Await(None);
        bed.Look("after wait(), and after one of the peers has closed");

        return Answer.Holds(() =>
        {
            left.State.Should().Be(TIME_WAIT);
            left.Owners.Should().BeEmpty("its process is dead and reaped");
        });
    });

    [Claim("G02", "If the peer closed first, death leaves no TIME_WAIT on the dead side.")]
    [Note("Which side collects the TIME_WAITs? The one that closes first. A server whose clients hang up first has none of its own, however its processes end.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_input.c tcp_rcv_state_process(), case TCP_LAST_ACK: tcp_done(); RFC 9293 section 3.6")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_input.c tcp_do_segment(), case TCPS_LAST_ACK: tcp_close()")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_input.c tcp_input(), case TCPS_LAST_ACK: tcp_close()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(), case TCPS_LAST_ACK: tcp_close()")]
    public Task PassiveCloserLeavesNoTimeWait(Ip ip, Topology path) => Bench.Decide(new TestbedPlan(ip, path) { LeavesTimeWait = true }, bed =>
    {
        Pair pair = bed.Connect();
        Pair active = bed.Connect("control");
        Victim victim = bed.Fork(pair, active);
        pair.PeerEnd.Close();
        bed.Control("the victim's end has met the peer's FIN", pair.VictimEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT);

        victim.Kill();
        SocketSeen left = pair.VictimEnd.Await(seen => seen.State is None or TIME_WAIT);
        active.VictimEnd.Await(FIN_WAIT_2);
        active.PeerEnd.Close();
        bed.Control("a connection of the same process whose peer closes after it leaves TIME_WAIT", active.VictimEnd.Await(TIME_WAIT).State == TIME_WAIT);
        active.PeerEnd.Await(None);
        bool finCrossed = bed.Await(() => pair.FromVictim is { HasFin: true, IsFinAcknowledged: true });
        SocketSeen peer = pair.PeerEnd.Await(TIME_WAIT);
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            left.State.Should().Be(None, "its FIN was the last, and was acknowledged");
            finCrossed.Should().BeTrue("it ended in order");
            pair.FromVictim.HasReset.Should().BeFalse("it ended in order");
            peer.State.Should().Be(TIME_WAIT, "the peer closed first, so the peer remembers");
        });
    });

    [Claim("G03", "A loopback connection gets a TIME_WAIT of full length.")]
    [Note("Do connections between processes of one machine leave TIME_WAIT behind too? On Linux they do, for the full minute, so a busy local proxy can run out of ports. FreeBSD gives them none since 14, so what was tested over 127.0.0.1 there says nothing about the network.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_time_wait() asks for no device")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_timewait.c tcp_twstart(): nolocaltimewait is off", Until = "14.0")]
    [FreeBSD(DoesNotHold, Documented, "14.0", "release notes of 14.0: no TIME_WAIT for local connections; sys/netinet/tcp_timewait.c tcp_twstart(); 15.0: net.inet.tcp.msl_local, some 20 ms", Since = "14.0")]
    [DragonFly(Holds, Measured, "5.9", "transcript close-and-signals: TIME_WAIT between two ports of 127.0.0.1, in table after table")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(): TCP_TIMER_ARM(2 * TCPTV_MSL) asks for no interface")]
    public Task LoopbackConnectionGetsTimeWait(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim victim = bed.Fork(pair, other);

        victim.Kill();
        bed.Control("both peers have got the FIN", pair.PeerEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT && other.PeerEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT);
        pair.PeerEnd.Close();
        SocketSeen left = pair.VictimEnd.Await(seen => seen.State is TIME_WAIT or None);
        other.PeerEnd.Reset();
        bed.Control("a connection that the peer resets instead leaves nothing", other.VictimEnd.Await(None).IsGone);
        SocketSeen later = pair.VictimEnd.Look();

        // Where the table does not tell what it has left it lasts for a second at least.
        bool lasts = left.TimeLeft is { } time
            ? time > NearlyAMinute && time <= AMinute
            : !bed.Await(() => pair.VictimEnd.Look().IsGone, TimeSpan.FromSeconds(1));
        pair.PeerEnd.Await(None);
        bed.Look("before wait()");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                left.State.Should().Be(TIME_WAIT);
                later.State.Should().Be(TIME_WAIT);
                lasts.Should().BeTrue("it has a whole minute left, as far as the kernel tells");
            })
            .DoesNotHold("it is gone when the peer has closed, or has less than a second left", () =>
                (left.IsGone || left.TimeLeft < TimeSpan.FromSeconds(1) || (left.TimeLeft is null && !lasts)).Should().BeTrue());
    });

    [Claim("G04", "TIME_WAIT lasts 60 s, whatever tcp_fin_timeout says.")]
    [Note("Which sysctl shortens TIME_WAIT? None on Linux: the minute is compiled in. The widespread advice to lower tcp_fin_timeout shortens FIN_WAIT_2 of connections without a process, and nothing else; on FreeBSD and DragonFly net.inet.tcp.msl is the knob.")]
    [Lab("to its end: 60 s")]
    [Linux(Holds, Measured, "6.18", "include/net/tcp.h TCP_TIMEWAIT_LEN; net/ipv4/tcp_minisocks.c tcp_time_wait(); what the timer had left was read, not waited for")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_timer.h TCPTV_MSL, twice; sys/netinet/tcp_timewait.c tcp_twstart(); there is no tcp_fin_timeout")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_timer.h TCPTV_MSL, twice; sys/netinet/tcp_input.c tcp_input(); there is no tcp_fin_timeout")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.h TCPTV_MSL, twice; there is no tcp_fin_timeout")]
    public Task TimeWaitLastsTwoMsl(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { AwaitsRetransmissions = true, ReadsTimers = true, Settings = FinTimeout(seconds: 5) }, bed =>
    {
        Pair pair = bed.Connect();
        Pair halfClosed = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim second = bed.Fork(halfClosed);
        victim.Kill();
        pair.VictimEnd.Await(FIN_WAIT_2);
        pair.PeerEnd.Close();
        SocketSeen born = pair.VictimEnd.Await(TIME_WAIT);

        bed.Set("net.ipv4.tcp_fin_timeout", "1");
        second.Kill();
        SocketSeen control = halfClosed.VictimEnd.Await(FIN_WAIT_2);

        // Linux adds to it where 3.5 retransmission timeouts are longer (tcp_fin_time()).
        bed.Control("of a FIN_WAIT_2 orphan the timer has no more left than tcp_fin_timeout says", control.TimeLeft < TimeSpan.FromSeconds(5));
        bed.Control("and that is its life", halfClosed.VictimEnd.Await(None).IsGone);
        SocketSeen outlasting = pair.VictimEnd.Look();
        pair.PeerEnd.Await(None);
        bed.Look("when the FIN_WAIT_2 orphan is gone");

        return Answer.Holds(() =>
        {
            born.State.Should().Be(TIME_WAIT);
            born.TimeLeft.Should().BeGreaterThan(NearlyAMinute, "it began when tcp_fin_timeout was 5 s").And.BeLessThanOrEqualTo(AMinute);
            outlasting.State.Should().Be(TIME_WAIT);
            outlasting.TimeLeft.Should().BeGreaterThan(TimeSpan.FromSeconds(30), "it lasts on when tcp_fin_timeout is 1 s").And.BeLessThan(born.TimeLeft ?? TimeSpan.Zero);
        });
    });

    [Claim("G05", "A server killed with open connections cannot bind its port again without SO_REUSEADDR, and can with it.")]
    [Note("Why does my service not come up after a crash, with \"Address already in use\", though nothing listens? Its dead predecessor's connections are still in FIN_WAIT_2 or TIME_WAIT on that port. A listener has to set SO_REUSEADDR before bind(), every time.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_connection_sock.c inet_bind_conflict()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/in_pcb.c in_pcbbind_setup(), in_pcblookup_local()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/in_pcb.c in_pcbbind(), in_pcblookup_local()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/in_pcb.c in_pcbaddrisavail(), in_pcblookup_local()")]
    public Task RestartAfterSigkillNeedsReuseAddr(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { LeavesTimeWait = true }, bed =>
    {
        Victim server = bed.Fork();
        int listener = server.Socket(ip);
        server.SetOption(listener, SocketOption.SO_REUSEADDR, 1);
        Endpoint address = server.Listen(listener, AnyPort(ip));
        Victim idle = bed.Fork();
        Endpoint idleAddress = idle.Listen(idle.Socket(ip), AnyPort(ip));
        Victim client = bed.ForkBystander();
        End connection = Accepted(bed, server, listener, client, ip, out int clientsEnd);

        server.Kill();
        idle.Kill();
        connection.Await(FIN_WAIT_2);
        client.Close(clientsEnd);
        bed.Control("the killed server's connection is in TIME_WAIT", IsTimeWait(bed, connection));
        bed.Look("the server is dead, its client has closed");
        Victim restarted = bed.Fork();
        bed.Control("the port of a killed server without connections is free at once", restarted.Listen(restarted.Socket(ip), idleAddress) == idleAddress);
        Returned without = restarted.AttemptBind(restarted.Socket(ip), address);
        int reusing = restarted.Socket(ip);
        restarted.SetOption(reusing, SocketOption.SO_REUSEADDR, 1);
        Returned with = restarted.AttemptBind(reusing, address);

        return Answer.Holds(() =>
        {
            without.Error.Should().Be(Errno.EADDRINUSE);
            with.Error.Should().Be(Errno.None);
        });
    });

    [Claim("G06", "A RST in sequence removes TIME_WAIT.")]
    [Note("Can TIME_WAIT be cut short from outside? On Linux a RST that is in sequence ends it at once unless net.ipv4.tcp_rfc1337 is set; the other end, or whoever can guess the numbers, needs one segment. That is what RFC 1337 calls assassination.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_timewait_state_process(): sysctl_tcp_rfc1337 is 0; RFC 1337")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/netinet/tcp_timewait.c tcp_twcheck(): a RST is dropped")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/netinet/tcp_input.c tcp_input(), RST in TCPS_TIME_WAIT: break")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(), RST in TCPS_TIME_WAIT: tcp_close()")]
    public Task ResetRemovesTimeWait(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { LeavesTimeWait = true }, bed =>
    {
        Pair pair = bed.Connect();
        Pair missed = bed.Connect("control");
        Pair established = bed.Connect("other control");
        Victim victim = bed.Fork(pair, missed);
        bed.Fork(established);
        victim.Kill();
        LeaveTimeWait(bed, pair);
        LeaveTimeWait(bed, missed);

        missed.InjectFromPeer(TcpFlags.RST, sequenceOffset: 1000);
        pair.InjectFromPeer(TcpFlags.RST);
        established.InjectFromPeer(TcpFlags.RST);
        bed.Control("the same segment ends an ESTABLISHED connection", established.VictimEnd.Await(None).IsGone);
        bed.Control("all three have crossed the path", bed.Await(() => pair.FromPeer.HasReset && missed.FromPeer.HasReset));
        SocketSeen left = pair.VictimEnd.Await(None, TimeSpan.FromSeconds(1));
        bed.Control("a RST out of sequence leaves TIME_WAIT as it is", missed.VictimEnd.Look().State == TIME_WAIT);
        bed.Look("after the crafted segments");

        return Answer
            .Holds(() => left.State.Should().Be(None))
            .DoesNotHold("TIME_WAIT takes no notice", () => left.State.Should().Be(TIME_WAIT));
    });

    [Claim("G07", "With net.ipv4.tcp_rfc1337 set, a RST in sequence leaves TIME_WAIT as it is.")]
    [Note("What does net.ipv4.tcp_rfc1337 do? It makes TIME_WAIT deaf to RST, so that old segments cannot cut it short. It is off by default.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_timewait_state_process(); Documentation/networking/ip-sysctl.rst, tcp_rfc1337")]
    [FreeBSD(NotApplicable, "there is no such setting: a RST never removes TIME_WAIT (G06)")]
    [DragonFly(NotApplicable, "there is no such setting: a RST never removes TIME_WAIT (G06)")]
    [OpenBSD(NotApplicable, "there is no such setting: a RST always removes TIME_WAIT (G06)")]
    public Task Rfc1337KeepsTimeWait(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { Settings = Rfc1337(1) }, bed =>
    {
        Pair pair = bed.Connect();
        Pair established = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        bed.Fork(established);
        victim.Kill();
        LeaveTimeWait(bed, pair);

        pair.InjectFromPeer(TcpFlags.RST);
        established.InjectFromPeer(TcpFlags.RST);
        bed.Control("the same segment ends an ESTABLISHED connection", established.VictimEnd.Await(None).IsGone);
        bed.Control("both have crossed the path", bed.Await(() => pair.FromPeer.HasReset));
        SocketSeen kept = pair.VictimEnd.Look();
        bed.Look("after the crafted segments");
        bed.Set("net.ipv4.tcp_rfc1337", "0");
        pair.InjectFromPeer(TcpFlags.RST);
        bed.Control("without the setting the same segment removes it", pair.VictimEnd.Await(None).IsGone);

        return Answer.Holds(() => kept.State.Should().Be(TIME_WAIT));
    });

    [Claim("G08", "SO_REUSEADDR on the new server does not help if the killed one had not set it.")]
    [Note("Why does SO_REUSEADDR not help this once? On Linux both have to have it: the new listener, and the dead one whose connections are still on the port. So the first restart after adding it to a program may still fail.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_connection_sock.c inet_bind_conflict(): sk_reuse of both; net/ipv4/inet_timewait_sock.c inet_twsk_alloc() keeps it")]
    [FreeBSD(DoesNotHold, Inferred, "13.0", "sys/netinet/in_pcb.c in_pcblookup_local() without INPLOOKUP_WILDCARD passes over connected ones")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/netinet/in_pcb.c in_pcblookup_local() without INPLOOKUP_WILDCARD passes over connected ones")]
    [OpenBSD(DoesNotHold, Inferred, "the snapshot of August 2026", "sys/netinet/in_pcb.c in_pcblookup_local() without INPLOOKUP_WILDCARD passes over connected ones")]
    public Task ReuseAddrOfOneServerIsNotEnough(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { LeavesTimeWait = true }, bed =>
    {
        Victim server = bed.Fork();
        int listener = server.Socket(ip);
        Endpoint address = server.Listen(listener, AnyPort(ip));
        Victim provident = bed.Fork();
        int providentListener = provident.Socket(ip);
        provident.SetOption(providentListener, SocketOption.SO_REUSEADDR, 1);
        Endpoint providentAddress = provident.Listen(providentListener, AnyPort(ip));
        Victim client = bed.ForkBystander();
        End connection = Accepted(bed, server, listener, client, ip, out int clientsEnd);
        End providentConnection = Accepted(bed, provident, providentListener, client, ip, out int clientsOther, "control's ");

        server.Kill();
        provident.Kill();
        connection.Await(FIN_WAIT_2);
        providentConnection.Await(FIN_WAIT_2);
        client.Close(clientsEnd);
        client.Close(clientsOther);
        bed.Control(
            "the connections of both killed servers are in TIME_WAIT",
            IsTimeWait(bed, connection) && IsTimeWait(bed, providentConnection));
        bed.Look("both servers are dead, their client has closed");
        Victim restarted = bed.Fork();
        int again = restarted.Socket(ip);
        restarted.SetOption(again, SocketOption.SO_REUSEADDR, 1);
        bed.Control("where the killed one had set SO_REUSEADDR too, it helps", restarted.Listen(again, providentAddress) == providentAddress);
        int reusing = restarted.Socket(ip);
        restarted.SetOption(reusing, SocketOption.SO_REUSEADDR, 1);
        Returned bound = restarted.AttemptBind(reusing, address);

        return Answer
            .Holds(() => bound.Error.Should().Be(Errno.EADDRINUSE))
            .DoesNotHold("bind() succeeds", () => bound.Error.Should().Be(Errno.None));
    });

    private static Dictionary<string, string> FinTimeout(int seconds) => new() { ["net.ipv4.tcp_fin_timeout"] = $"{seconds}" };

    private static Dictionary<string, string> Rfc1337(int value) => new() { ["net.ipv4.tcp_rfc1337"] = $"{value}" };

    private static Endpoint AnyPort(Ip ip) => new(ip == Ip.IPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback, 0);

    // The victim has closed first; now the peer closes, and all of it has crossed the path.
    private static void LeaveTimeWait(Testbed bed, Pair pair)
    {
        pair.VictimEnd.Await(FIN_WAIT_2);
        pair.PeerEnd.Close();
        bed.Control("it is in TIME_WAIT", pair.VictimEnd.Await(TIME_WAIT).State == TIME_WAIT);
        bed.Control("the peer's FIN has crossed the path", bed.Await(() => pair.FromPeer is { HasFin: true, IsFinAcknowledged: true }));
        pair.PeerEnd.Await(None);
    }

    // And the acknowledgement that went back to the client has crossed the path.
    private static bool IsTimeWait(Testbed bed, End connection) =>
        connection.Await(TIME_WAIT).State == TIME_WAIT
        && bed.Await(() => bed.Stream(connection.Tuple.Remote, connection.Tuple.Local).IsFinAcknowledged);

    // One connection, accepted by the server, and followed in the table as the server's end of it.
    private static End Accepted(Testbed bed, Victim server, int listener, Victim client, Ip ip, out int clientsEnd, string whose = "")
    {
        clientsEnd = client.Socket(ip);
        client.Connect(clientsEnd, server.LocalName(listener));
        server.Accept(listener);
        return bed.Watch($"{whose}server's end", server.LocalName(listener), client.LocalName(clientsEnd));
    }
}
