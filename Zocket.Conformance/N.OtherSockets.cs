using System.Net;

namespace Zocket.Conformance;

[Family("N", "Beside TCP: other sockets at death")]
public sealed class OtherSockets
{
    private const string OnlyLinux = "there is no Multipath TCP";

    [Claim("N01", "A connected UDP sender learns of its receiver's death one datagram late: the first send succeeds, the next fails with ECONNREFUSED.")]
    [Note("Does a UDP sender notice that the receiver was killed? Only if its socket is connected, only from the ICMP message that its first vain datagram brings back, and only at its next call. That first datagram was lost without an error.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/udp.c __udp4_lib_rcv(): ICMP_PORT_UNREACH, __udp4_lib_err(): sk_err; net/ipv6/udp.c __udp6_lib_err()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/udp_usrreq.c udp_input(), udp_notify(): so_error")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/udp_usrreq.c udp_input(), udp_notify(): so_error")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/udp_usrreq.c udp_input(), udp_notify(): so_error")]
    public Task UdpSenderLearnsOneDatagramLate(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim victim = bed.Fork();
        int receiver = victim.UdpSocket(ip);
        Endpoint address = victim.Bind(receiver, AnyPort(ip));
        Victim living = bed.ForkBystander();
        Endpoint livingAddress = living.Bind(living.UdpSocket(ip), AnyPort(ip));
        Victim sender = bed.ForkBystander();
        int toVictim = ConnectedUdpSocket(sender, ip, address);
        int toLiving = ConnectedUdpSocket(sender, ip, livingAddress);
        sender.WriteTo(toVictim, 10);
        bed.Control("while it lives it gets what is sent", Take(victim, receiver, 100) == 10);

        victim.Kill();
        Returned first = sender.AttemptWriteTo(toVictim, 10);
        sender.AwaitError(toVictim);
        Returned second = sender.AttemptWriteTo(toVictim, 10);
        sender.WriteTo(toLiving, 10);
        sender.WriteTo(toLiving, 10);
        bed.Control("to a receiver that lives the sender can send on and on", !sender.HasSomethingToRead(toLiving));
        bed.Look("after the death, before wait()");

        return Answer.Holds(() =>
        {
            first.Error.Should().Be(Errno.None, "nobody has told it yet");
            second.Error.Should().Be(Errno.ECONNREFUSED);
        });
    });

    [Claim("N02", "Datagrams that a dead process had not read are gone: whoever binds its UDP port next, which is free at once, finds nothing.")]
    [Note("Can a restarted UDP server take over what its dead predecessor had not read? No, the queue goes with the socket. But unlike with TCP there is nothing to wait for either: the port can be bound again at once, without SO_REUSEADDR.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/udp.c udp_lib_close(), net/core/sock.c sk_common_release(); net/ipv4/udp.c udp_destruct_common(): the receive queue is purged")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/udp_usrreq.c udp_detach(); sys/kern/uipc_socket.c sofree(): sbrelease()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/udp_usrreq.c udp_detach(); sys/kern/uipc_socket.c sofree()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/udp_usrreq.c udp_detach(); sys/kern/uipc_socket.c sofree()")]
    public Task UnreadDatagramsDieWithTheirReader(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim victim = bed.Fork();
        int receiver = victim.UdpSocket(ip);
        Endpoint address = victim.Bind(receiver, AnyPort(ip));
        Victim sender = bed.ForkBystander();
        int toVictim = ConnectedUdpSocket(sender, ip, address);
        sender.WriteTo(toVictim, 10);
        sender.WriteTo(toVictim, 10);
        bed.Control("two datagrams have arrived, and one of them is read", Take(victim, receiver, 100) == 10 && victim.Peek(receiver, 100) == 10);

        victim.Kill();
        victim.Reap();
        Victim successor = bed.Fork();
        int socket = successor.UdpSocket(ip);
        Returned bound = successor.AttemptBind(socket, address);
        Returned received = successor.ReceiveNow(socket, 100);
        sender.WriteTo(toVictim, 20);
        bed.Control("what is sent from now on arrives", Take(successor, socket, 100) == 20);
        bed.Look("after the successor has read");

        return Answer.Holds(() =>
        {
            bound.Error.Should().Be(Errno.None, "nothing keeps the port");
            received.Error.Should().Be(Errno.EAGAIN, "the second datagram went with the dead process's socket");
        });
    });

    [Claim("N03", "UDP datagrams that a process had sent before it died are delivered, and nothing tells the receiver of its death.")]
    [Note("The process that logged to me by datagrams was killed: are its last words lost? No, what it had sent is in my queue already, not in its. But there is no end of the stream: without a message of its own to say goodbye, its death is mere silence.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/udp.c udp_queue_rcv_skb(): it is on the receiver's queue")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/udp_usrreq.c udp_append(): it is in the receiver's buffer")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/udp_usrreq.c udp_append()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/udp_usrreq.c udp_sbappend()")]
    public Task SentDatagramsOutliveTheirSender(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim receiver = bed.ForkBystander();
        int inbox = receiver.UdpSocket(ip);
        Endpoint address = receiver.Bind(inbox, AnyPort(ip));
        Victim victim = bed.Fork();
        LastWords heard = LastWordsOf(bed, victim, ConnectedUdpSocket(victim, ip, address), receiver, inbox);

        return Answer.Holds(() => heard.ThenNothing());
    });

    [Claim("N04", "What a dead process had written into a UNIX stream can be read to the last byte, and then comes the end.")]
    [Note("My child was killed: did I get all it had sent me over the socketpair? Yes: what write() took is in the reader's queue, and the end of the stream comes behind it. Nothing is in flight that could be lost, as it can be with TCP.")]
    [Linux(Holds, Measured, "6.18", "net/unix/af_unix.c unix_stream_sendmsg(): onto the other's queue, unix_release_sock(): sk_shutdown of the other")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_usrreq.c uipc_send(), unp_disconnect(): soisdisconnected()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_usrreq.c uipc_send(), unp_disconnect(): soisdisconnected()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_usrreq.c uipc_send(), unp_disconnect(): soisdisconnected()")]
    public Task UnixStreamOutlivesItsWriter(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim survivor = bed.ForkBystander();
        (int ours, Victim victim, int theirs) = SharingUnixStream(survivor);
        (int othersOurs, Victim living, int othersTheirs) = SharingUnixStream(survivor);
        victim.WriteTo(theirs, 1000);
        living.WriteTo(othersTheirs, 1000);

        victim.Kill();
        Returned data = survivor.ReadFrom(ours, 4096);
        Returned end = survivor.ReadFrom(ours, 4096);
        bed.Control(
            "from a writer that lives there is data, and then no end",
            Take(survivor, othersOurs, 4096) == 1000 && !survivor.HasSomethingToRead(othersOurs));
        bed.Look("before wait()");

        return Answer.Holds(() =>
        {
            data.Value.Should().Be(1000);
            end.Value.Should().Be(0, "it is the end of the stream");
        });
    });

    [Claim("N05", "A process that dies with unread data in a UNIX stream gives its peer what it had written, and then ECONNRESET instead of the end.")]
    [Note("Why do I get \"connection reset\" from a UNIX socket? The other process ended without having read all you had sent it. What it had written itself you still get first, which TCP does not promise (family H).")]
    [Linux(Holds, Measured, "6.18", "net/unix/af_unix.c unix_release_sock(): sk_err = ECONNRESET if the receive queue is not empty; unix_stream_read_generic()")]
    [FreeBSD(DoesNotHold, Inferred, "13.0", "sys/kern/uipc_usrreq.c unp_disconnect() looks at no buffer")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/kern/uipc_usrreq.c unp_disconnect() looks at no buffer")]
    [OpenBSD(DoesNotHold, Inferred, "the snapshot of August 2026", "sys/kern/uipc_usrreq.c unp_disconnect() looks at no buffer")]
    public Task UnreadUnixDataTurnsDeathIntoReset(Ip ip, [Each(UnderscoreExit, Sigkill)] DeathPath death) => Bench.Decide(ip, bed =>
    {
        Victim survivor = bed.ForkBystander();
        (int ours, Victim victim, int theirs) = SharingUnixStream(survivor);
        (int othersOurs, Victim other, int othersTheirs) = SharingUnixStream(survivor);
        survivor.WriteTo(ours, 6);
        survivor.WriteTo(othersOurs, 6);
        bed.Control("the other victim reads its six bytes", Take(other, othersTheirs, 100) == 6);
        victim.WriteTo(theirs, 10);
        other.WriteTo(othersTheirs, 10);

        victim.Die(death);
        other.Die(death);
        Returned data = survivor.ReadFrom(ours, 100);
        Returned then = survivor.ReadFrom(ours, 100);
        bed.Control(
            "where nothing was unread, the end comes behind the data",
            Take(survivor, othersOurs, 100) == 10 && Take(survivor, othersOurs, 100) == 0);
        bed.Look("before wait()");

        return Answer
            .Holds(() =>
            {
                data.Value.Should().Be(10);
                then.Error.Should().Be(Errno.ECONNRESET);
            })
            .DoesNotHold("the end comes behind the data all the same", () =>
            {
                data.Value.Should().Be(10);
                then.Error.Should().Be(Errno.None);
                then.Value.Should().Be(0);
            });
    });

    [Claim("N06", "What a dead process had written into a pipe can be read to the last byte, and then comes the end.")]
    [Note("Is the output of a killed command lost in the pipe? What it had written is not: the pipe belongs to the kernel and lives while anybody has one of its ends. What the command still had in a buffer of its own is lost.")]
    [Linux(Holds, Measured, "6.18", "fs/pipe.c pipe_release(), anon_pipe_read()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/sys_pipe.c pipeclose(), pipe_read(): PIPE_EOF")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/sys_pipe.c pipe_close(), pipe_read(): PIPE_REOF, PIPE_WEOF")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/sys_pipe.c pipe_destroy(), pipe_read(): PIPE_EOF")]
    public Task PipeOutlivesItsWriter(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim survivor = bed.ForkBystander();
        (int readEnd, Victim victim, int writeEnd) = ReadingFrom(survivor);
        (int othersReadEnd, Victim living, int othersWriteEnd) = ReadingFrom(survivor);
        victim.WriteTo(writeEnd, 1000);
        living.WriteTo(othersWriteEnd, 1000);

        victim.Kill();
        Returned data = survivor.ReadFrom(readEnd, 4096);
        Returned end = survivor.ReadFrom(readEnd, 4096);
        bed.Control(
            "from a writer that lives there is data, and then no end",
            Take(survivor, othersReadEnd, 4096) == 1000 && !survivor.HasSomethingToRead(othersReadEnd));
        bed.Look("before wait()");

        return Answer.Holds(() =>
        {
            data.Value.Should().Be(1000);
            end.Value.Should().Be(0, "it is the end of the stream");
        });
    });

    [Claim("N07", "Who writes into a pipe whose reader has died is killed by SIGPIPE, or gets EPIPE if it ignores the signal.")]
    [Note("Why did my program end without a word? It wrote to a pipe or socket nobody reads any more, and SIGPIPE kills by default. Servers ignore it and look at what write() returns.")]
    [Linux(Holds, Measured, "6.18", "fs/pipe.c anon_pipe_write(): send_sig(SIGPIPE), EPIPE")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/sys_generic.c dofilewrite(): EPIPE raises SIGPIPE; sys/kern/sys_pipe.c pipe_write()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/sys_generic.c dofilewrite(): EPIPE raises SIGPIPE; sys/kern/sys_pipe.c pipe_write()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/sys_generic.c dofilewritev(): EPIPE raises SIGPIPE; sys/kern/sys_pipe.c pipe_write()")]
    public Task WriterDiesOfItsReadersDeath(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim writer = bed.Fork();
        (Victim reader, int writeEnd) = WritingTo(writer);
        Victim careful = bed.Fork();
        (Victim othersReader, int carefulEnd) = WritingTo(careful);
        const int SIGPIPE = 13;
        careful.Ignore(SIGPIPE);
        writer.WriteTo(writeEnd, 10);
        careful.WriteTo(carefulEnd, 10);
        bed.Control("while the readers live, both write and live", !writer.IsWaitable() && !careful.IsWaitable());

        bed.Control("the readers are dead", reader.Kill().IsWaitable && othersReader.Kill().IsWaitable);
        bed.Look("the readers are dead");
        Returned written = careful.AttemptWriteTo(carefulEnd, 10);
        Death death = writer.DieIn("write(10)", new Call(CallKind.Write, writeEnd, 10));
        ExitStatus status = writer.Reap();

        return Answer.Holds(() =>
        {
            death.IsWaitable.Should().BeTrue();
            status.Signal.Should().Be(SIGPIPE);
            written.Error.Should().Be(Errno.EPIPE);
        });
    });

    [Claim("N08", "The sender to a UNIX datagram socket learns of its receiver's death at its next send, by ECONNREFUSED.")]
    [Note("Do UNIX datagrams vanish as UDP's do when the receiver is dead? No: the very next send fails, because the kernel knows both ends. A client of a log daemon can therefore reconnect without losing a message.")]
    [Linux(Holds, Measured, "6.18", "net/unix/af_unix.c unix_dgram_sendmsg(): SOCK_DEAD of the other: ECONNREFUSED")]
    [FreeBSD(DoesNotHold, Inferred, "13.0", "sys/kern/uipc_usrreq.c unp_detach(), unp_drop(): so_error is ECONNRESET")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/kern/uipc_usrreq.c unp_detach(), unp_drop(): so_error is ECONNRESET")]
    [OpenBSD(DoesNotHold, Inferred, "the snapshot of August 2026", "sys/kern/uipc_usrreq.c unp_detach(), unp_drop(): so_error is ECONNRESET")]
    public Task UnixDatagramSenderLearnsAtOnce(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim sender = bed.ForkBystander();
        (int ours, int theirs) = sender.UnixPair(isStream: false);
        Victim victim = sender.ForkHolding(theirs);
        sender.Close(theirs);
        (int othersOurs, int othersTheirs) = sender.UnixPair(isStream: false);
        Victim living = sender.ForkHolding(othersTheirs);
        sender.Close(othersTheirs);
        sender.WriteTo(ours, 10);
        bed.Control("while it lives it gets what is sent", Take(victim, theirs, 100) == 10);

        bed.Control("it is dead", victim.Kill().IsWaitable);
        Returned sent = sender.AttemptWriteTo(ours, 10);
        sender.WriteTo(othersOurs, 10);
        bed.Control("a receiver that lives gets what is sent", Take(living, othersTheirs, 100) == 10);
        bed.Look("before wait()");

        return Answer
            .Holds(() => sent.Error.Should().Be(Errno.ECONNREFUSED))
            .DoesNotHold("the next send fails with ECONNRESET", () => sent.Error.Should().Be(Errno.ECONNRESET));
    });

    [Claim("N09", "A TCP socket that was bound and never connected keeps its port while its process lives, and frees it at the death.")]
    [Note("Does a killed process hold its port? Not as such: a socket without a connection leaves nothing behind. What keeps a port after a death are connections (G05), or another process that has inherited the socket (family I).")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(), net/ipv4/inet_hashtables.c inet_put_port()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_usrreq.c tcp_usr_detach(); sys/netinet/in_pcb.c in_pcbfree()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_usrreq.c tcp_usr_detach(); sys/netinet/in_pcb.c in_pcbdetach()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_detach(); sys/netinet/in_pcb.c in_pcbdetach()")]
    public Task UnconnectedSocketFreesItsPort(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim victim = bed.Fork();
        int bound = victim.Socket(ip);
        Endpoint address = victim.Bind(bound, AnyPort(ip));
        Victim other = bed.ForkBystander();
        Returned whileItLives = other.AttemptBind(other.Socket(ip), address);

        bed.Control("it is dead", victim.Kill().IsWaitable);
        Returned afterwards = other.AttemptBind(other.Socket(ip), address);
        bed.Look("before wait()");

        return Answer.Holds(() =>
        {
            whileItLives.Error.Should().Be(Errno.EADDRINUSE);
            afterwards.Error.Should().Be(Errno.None, "before wait() as after it");
        });
    });

    [Claim("N10", "When the process of a Multipath TCP connection dies, the TCP connection below it stays ESTABLISHED and belongs to no process.")]
    [Note("Why does netstat list ESTABLISHED connections of a process that is dead? They may be subflows of Multipath TCP: there the end of the stream is an option inside the TCP connection, which itself goes on until the peer has closed too, or for a minute. ss -M shows what is above.")]
    [Linux(Holds, Measured, "6.18", "net/mptcp/protocol.c __mptcp_close(), mptcp_check_send_data_fin(), mptcp_close_state(); RFC 8684 section 3.3.3")]
    [FreeBSD(NotApplicable, OnlyLinux)]
    [DragonFly(NotApplicable, OnlyLinux)]
    [OpenBSD(NotApplicable, OnlyLinux)]
    public Task MultipathOrphanStaysEstablished(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim server = bed.ForkBystander(Host.Peers);
        int multipath = server.MultipathSocket(ip);
        Endpoint address = server.Listen(multipath, AnyPort(ip));
        int plain = server.Socket(ip);
        Endpoint plainAddress = server.Listen(plain, AnyPort(ip));
        Victim victim = bed.Fork();
        (int accepted, End subflow) = Multipath(bed, victim, "victim's end", server, multipath, address, ip);
        (_, End fallback) = Multipath(bed, victim, "control's victim's end", server, plain, plainAddress, ip);
        bed.Control("both are ESTABLISHED while the victim lives", subflow.Look().State == ESTABLISHED && fallback.Look().State == ESTABLISHED);

        bed.Control("it is dead", victim.Kill().IsWaitable);
        bed.Control("where the peer knows only TCP, its death is FIN as ever", fallback.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        long end = Take(server, accepted, 100);
        bed.Control("the peer meets the end of the stream", end == 0);
        SocketSeen orphan = subflow.Look();
        bool hasFin = bed.Stream(subflow.Tuple.Local, subflow.Tuple.Remote).HasFin;
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            orphan.State.Should().Be(ESTABLISHED);
            orphan.Owners.Should().BeEmpty();
            hasFin.Should().BeFalse("the end of the stream is not the end of the TCP connection");
        });
    });

    [Claim("N11", "Datagrams that a process had sent over a UNIX socket pair before it died are delivered, and nothing tells the receiver of its death.")]
    [Note("My child reports to me over a datagram socketpair: how do I notice that it was killed? On Linux not at all, for both ends of a stream pair are told, of a datagram pair neither. On the BSDs a read fails once with ECONNRESET, behind all it had sent, because my end is connected to its.")]
    [Linux(Holds, Measured, "6.18", "net/unix/af_unix.c unix_dgram_sendmsg(): onto the receiver's queue; unix_release_sock(): sk_shutdown and sk_err of the other are a stream's or a SOCK_SEQPACKET's only")]
    [FreeBSD(DoesNotHold, Source, "14.0", "sys/kern/uipc_usrreq.c uipc_detach(), unp_drop(): so_error of whoever is connected to it is ECONNRESET; unp_disconnect(), uipc_soreceive_dgram(): what was sent comes first")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/kern/uipc_usrreq.c unp_detach(), unp_drop(): so_error of whoever is connected to it is ECONNRESET; sys/kern/uipc_socket.c soreceive(): what was sent comes first")]
    [OpenBSD(DoesNotHold, Source, "uipc_usrreq.c 1.221 (2025)", "sys/kern/uipc_usrreq.c unp_detach(): so_error of whoever is connected to it is ECONNRESET; sys/kern/uipc_socket.c soreceive(): what was sent comes first")]
    public Task UnixDatagramsOutliveTheirSender(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim receiver = bed.ForkBystander();
        (int inbox, int outbox) = receiver.UnixPair(isStream: false);
        Victim victim = receiver.ForkHolding(outbox);
        receiver.Close(outbox);
        LastWords heard = LastWordsOf(bed, victim, outbox, receiver, inbox);

        return Answer
            .Holds(() => heard.ThenNothing())
            .DoesNotHold("ECONNRESET comes behind them", () => heard.Then(Errno.ECONNRESET));
    });

    private static Endpoint AnyPort(Ip ip) => new(ip == Ip.IPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback, 0);

    // Reads what must be there: a step on the way, not what the claim asks.
    private static long Take(Victim reader, int descriptor, int bytes) =>
        reader.Make($"read({bytes})", new Call(CallKind.Read, descriptor, bytes)).Value;

    // Two datagrams, the sender's death, and what the receiver reads after it.
    private static LastWords LastWordsOf(Testbed bed, Victim victim, int outbox, Victim receiver, int inbox)
    {
        bed.Control("before it has sent anything there is nothing to read", !receiver.HasSomethingToRead(inbox));
        victim.WriteTo(outbox, 10);
        victim.WriteTo(outbox, 20);
        bed.Control("it is dead", victim.Kill().IsWaitable);
        LastWords heard = new(receiver.ReadFrom(inbox, 100), receiver.ReadFrom(inbox, 100), receiver.ReceiveNow(inbox, 100));
        bed.Look("after the death, before wait()");
        return heard;
    }

    private static int ConnectedUdpSocket(Victim process, Ip ip, Endpoint to)
    {
        int descriptor = process.UdpSocket(ip);
        process.Connect(descriptor, to);
        return descriptor;
    }

    // A socketpair of which the survivor keeps one half, and a child of its the other.
    private static (int Ours, Victim Child, int Theirs) SharingUnixStream(Victim survivor)
    {
        (int ours, int theirs) = survivor.UnixPair(isStream: true);
        Victim child = survivor.ForkHolding(theirs);
        survivor.Close(theirs);
        return (ours, child, theirs);
    }

    // A pipe from a child of the survivor's.
    private static (int ReadEnd, Victim Child, int WriteEnd) ReadingFrom(Victim survivor)
    {
        (int readEnd, int writeEnd) = survivor.Pipe();
        Victim child = survivor.ForkHolding(writeEnd);
        survivor.Close(writeEnd);
        return (readEnd, child, writeEnd);
    }

    // A pipe to a child of the writer's.
    private static (Victim Child, int WriteEnd) WritingTo(Victim writer)
    {
        (int readEnd, int writeEnd) = writer.Pipe();
        Victim child = writer.ForkHolding(readEnd);
        writer.Close(readEnd);
        return (child, writeEnd);
    }

    // Ten bytes to the server show whether both speak Multipath TCP; only then is the connection one of it for good.
    private static (int Accepted, End VictimsEnd) Multipath(Testbed bed, Victim victim, string name, Victim server, int listener, Endpoint address, Ip ip)
    {
        int socket = victim.MultipathSocket(ip);
        victim.Connect(socket, address);
        int accepted = server.Accept(listener);
        victim.WriteTo(socket, 10);
        Take(server, accepted, 10);
        return (accepted, bed.Watch(name, victim.LocalName(socket), address));
    }

    private sealed record LastWords(Returned First, Returned Second, Returned Third)
    {
        public void ThenNothing() => Then(Errno.EAGAIN, "no end and no error, as if it lived");

        public void Then(Errno error, string because = "")
        {
            First.Value.Should().Be(10);
            Second.Value.Should().Be(20);
            Third.Error.Should().Be(error, because);
        }
    }
}
