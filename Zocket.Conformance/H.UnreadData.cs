namespace Zocket.Conformance;

[Family("H", "Unread and late data")]
public sealed class UnreadData
{
    private const string NoReset = "there unread data causes no reset at all: H01";

    // Far more than a death and a round trip cost on a busy machine, far less than any timer of TCP that could end a blocked write.
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(2);

    [Claim("H01", "A process that dies with unread received data resets the connection instead of sending FIN.")]
    [Note("Why do clients see \"connection reset by peer\" when a worker crashes? Because a request was waiting in its receive queue: Linux says by RST that data was lost. Where everything had been read, the same crash looks like an ordinary end of the stream.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): TCPAbortOnClose; RFC 1122 section 4.2.2.13; RFC 2525 section 2.17")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/netinet/tcp_usrreq.c tcp_disconnect(): sbflush() of the receive buffer, then FIN")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/netinet/tcp_usrreq.c tcp_disconnect(): flushes, then FIN")]
    [OpenBSD(DoesNotHold, Measured, "7.3, 8.0-beta", "transcript further-deaths, part F: FIN_WAIT_2 and CLOSE_WAIT; sys/netinet/tcp_usrreq.c tcp_dodisconnect()")]
    [NetBSD(DoesNotHold, Source, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_disconnect1(): sbflush() of the receive buffer, then FIN")]
    public Task UnreadDataTurnsDeathIntoReset(Ip ip, [Each(UnderscoreExit, Sigkill)] DeathPath death) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair empty = bed.Connect("control");
        Victim victim = bed.Fork(pair, empty);
        pair.PeerEnd.Write(6);
        bed.Control("six bytes wait to be read", pair.VictimEnd.Await(seen => seen.ReceiveQueue == 6).ReceiveQueue == 6);

        victim.Die(death);
        bed.Control(
            "a connection of the same process with nothing unread gets FIN",
            empty.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && empty.FromVictim is { HasFin: true, HasReset: false });
        pair.PeerEnd.Await(seen => seen.State != ESTABLISHED);
        StreamSeen sent = pair.FromVictim;
        SocketSeen left = pair.VictimEnd.Look();
        IoResult read = pair.PeerEnd.Read();
        bed.Look("before wait()");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                sent.HasReset.Should().BeTrue();
                sent.HasFin.Should().BeFalse();
                left.State.Should().Be(None);
                read.Error.Should().Be(Errno.ECONNRESET);
            })
            .DoesNotHold("it sends FIN, and the unread data is forgotten", () =>
            {
                sent.HasFin.Should().BeTrue();
                sent.HasReset.Should().BeFalse();
                left.State.Should().Be(FIN_WAIT_2);
                read.EndOfStream.Should().BeTrue();
            });
    });

    [Claim("H02", "What had reached the peer before a process died with unread data can still be read there; the reset comes after it.")]
    [Note("Does a reset destroy a reply that had arrived already? Not in the client's kernel: the client reads every byte that came before the RST, and only then the error. If a client loses them all the same, its own library has given up at the error.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_recvmsg_locked(): the receive queue before sk_err; net/ipv4/tcp_input.c tcp_reset() purges the write queue only")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_socket.c soreceive_stream(): data before so_error; the victim itself sends FIN there (H01)")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_socket.c sorecvtcp(): data before so_error; the victim itself sends FIN there (H01)")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_socket.c soreceive(): data before so_error; the victim itself sends FIN there (H01)")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soreceive(): data before so_error; the victim itself sends FIN there (H01)")]
    public Task PeerReadsDeliveredReplyBeforeReset(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair drained = bed.Connect("control");
        Victim victim = bed.Fork(pair, drained);
        pair.PeerEnd.Write(6);
        victim.Write(1000);
        victim.Write(1000, drained);
        bed.Control("a request waits to be read", pair.VictimEnd.Await(seen => seen.ReceiveQueue == 6).ReceiveQueue == 6);
        bed.Control("the reply has arrived", pair.PeerEnd.Await(seen => seen.ReceiveQueue == 1000).ReceiveQueue == 1000);

        victim.Kill();
        bed.Control("the peer's connection is over before it reads", pair.PeerEnd.Await(seen => seen.State != ESTABLISHED).State != ESTABLISHED);
        IoResult read = pair.PeerEnd.Read();
        bed.Control(
            "where no request was unread, the reply ends with the end of the stream",
            drained.PeerEnd.Read() is { Bytes: 1000, EndOfStream: true });
        drained.VictimEnd.Await(FIN_WAIT_2);
        bool wasReset = pair.FromVictim.HasReset;
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(1000);
            read.IsIntact.Should().BeTrue("they are the bytes that were written");
            read.Error.Should().Be(wasReset ? Errno.ECONNRESET : Errno.None, "a reset is reported, but only after the data");
            read.EndOfStream.Should().Be(!wasReset);
        });
    });

    [Claim("H03", "If a process dies with unread data, the part of its reply that is still in the send queue is lost.")]
    [Note("Why did the client lose the end of the reply? The server wrote all of it and died or closed, but some of the request was still unread, and Linux then throws away what it had not sent. One byte is enough, be it the newline after a request; the cure is to shut down writing and to read to the end of the stream before closing.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): TCPAbortOnClose, tcp_send_active_reset(); tcp_set_state(TCP_CLOSE), inet_csk_destroy_sock()")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/netinet/tcp_usrreq.c tcp_disconnect(): sbflush() of the receive buffer, then tcp_usrclosed() and output")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/netinet/tcp_usrreq.c tcp_disconnect(): flushes the receive buffer, then output")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_dodisconnect(): flushes the receive buffer, then output")]
    [NetBSD(DoesNotHold, Source, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_disconnect1(): sbflush() of the receive buffer, then tcp_usrclosed() and output")]
    public Task UnreadDataDestroysUnsentReply(Ip ip) => Bench.Decide(ip, bed =>
    {
        const int Reply = 64 * 1024;
        var small = new PairPlan { PeerReceiveBuffer = 16 * 1024, VictimSendBuffer = 256 * 1024 };
        Pair pair = bed.Connect(plan: small);
        Pair drained = bed.Connect("control", small);
        Victim victim = bed.Fork(pair, drained);
        victim.Write(Reply);
        victim.Write(Reply, drained);
        pair.PeerEnd.Write(1);
        bed.Control("one byte waits to be read", pair.VictimEnd.Await(seen => seen.ReceiveQueue == 1).ReceiveQueue == 1);
        bed.Control(
            "both peers' windows are closed, with a part of the reply in the send queue",
            bed.Await(() => IsStuck(pair) && IsStuck(drained)));

        victim.Kill();
        IoResult all = drained.PeerEnd.Read();
        drained.VictimEnd.Await(FIN_WAIT_2);
        bed.Control("where nothing was unread, the peer reads the whole reply after the death", all is { Bytes: Reply, EndOfStream: true });
        IoResult read = pair.PeerEnd.ReadAll("a part of the reply");
        bed.Name(pair.FromVictim.Bytes, "a part of the reply");
        bed.Look("after the peers have read");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                read.Bytes.Should().BeLessThan(Reply, "what had not been sent was thrown away");
                read.Error.Should().Be(Errno.ECONNRESET);
            })
            .DoesNotHold("the whole reply arrives, and then the end of the stream", () =>
            {
                read.Bytes.Should().Be(Reply);
                read.EndOfStream.Should().BeTrue();
            });
    });

    [Claim("H04", "A FIN that the dead process had not read is no unread data: the connection is not reset.")]
    [Note("The client has hung up, the server has not noticed and dies: does the client get a reset? No. Only bytes count as unread, the end of the stream does not, and both directions are closed in order.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): the FIN's sequence number is taken off; tools/testing/selftests/net/packetdrill/tcp_close_no_rst.pkt; RFC 2525 section 2.17")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_usrreq.c tcp_disconnect(): FIN in any case")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_usrreq.c tcp_disconnect(): FIN in any case")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_dodisconnect(): FIN in any case")]
    [NetBSD(Holds, Source, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_disconnect1(): FIN in any case")]
    public Task UnreadFinIsNotUnreadData(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair aborting = bed.Connect("control");
        Victim victim = bed.Fork(pair, aborting);
        victim.SetLinger(0, aborting);
        pair.PeerEnd.ShutdownWrite();
        aborting.PeerEnd.ShutdownWrite();
        bed.Control(
            "both FINs have arrived, and nobody has read them",
            pair.VictimEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT && aborting.VictimEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT);

        victim.Kill();
        bed.Control("with SO_LINGER {1, 0} the same death is a reset", bed.Await(() => aborting.FromVictim is { HasReset: true, HasFin: false }));
        IoResult read = pair.PeerEnd.Read();
        SocketSeen left = pair.VictimEnd.Await(None);
        aborting.PeerEnd.Await(None);
        StreamSeen sent = pair.FromVictim;
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            sent.HasFin.Should().BeTrue();
            sent.HasReset.Should().BeFalse();
            read.EndOfStream.Should().BeTrue();
            left.IsGone.Should().BeTrue("the peer has acknowledged the FIN, and its own came first");
        });
    });

    [Claim("H05", "Data that was only peeked at, that SHUT_RD was to discard, or that is urgent still counts as unread.")]
    [Note("I looked at the data, or I shut down reading: why still a reset? Because only read() and its relatives count. MSG_PEEK, as protocol detectors use it, takes nothing, SHUT_RD discards nothing that has arrived, and a byte of urgent data that nobody fetched counts too.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): after(end_seq, copied_seq); tcp_recvmsg_locked() with MSG_PEEK advances no copied_seq; tcp_shutdown() knows SEND_SHUTDOWN only")]
    [FreeBSD(NotApplicable, NoReset)]
    [DragonFly(NotApplicable, NoReset)]
    [OpenBSD(NotApplicable, NoReset)]
    [NetBSD(NotApplicable, NoReset)]
    public Task OnlyReadingCountsAsRead(Ip ip, [Each("peeked at", "SHUT_RD", "urgent")] string unread) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair wasRead = bed.Connect("control");
        Victim victim = bed.Fork(pair, wasRead);
        wasRead.PeerEnd.Write(1);
        if (unread == "urgent")
        {
            pair.PeerEnd.Call("sendto", Memory.Of<byte>(0), 1, "MSG_OOB", 0, 0);
        }
        else
        {
            pair.PeerEnd.Write(1);
        }

        bed.Control("one byte waits on each connection", bed.Await(() => Waiting(pair) == 1 && Waiting(wasRead) == 1));
        victim.Make("read(10)", new Call(CallKind.Read, victim.Descriptor(wasRead), 10));
        switch (unread)
        {
            case "peeked at":
                victim.Make("recv(MSG_PEEK)", Call.To("recvfrom", victim.Descriptor(pair), Memory.Room(10), 10, "MSG_PEEK", 0, 0));
                break;
            case "SHUT_RD":
                victim.Shutdown("SHUT_RD", pair);
                break;
        }

        long abortsBefore = bed.Counter("TCPAbortOnClose");
        victim.Kill();
        bed.Control(
            "the connection whose byte was read gets FIN",
            wasRead.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && wasRead.FromVictim is { HasFin: true, HasReset: false });
        pair.PeerEnd.Await(seen => seen.State != ESTABLISHED);
        long aborts = bed.Counter("TCPAbortOnClose") - abortsBefore;
        StreamSeen sent = pair.FromVictim;
        IoResult read = pair.PeerEnd.Read();
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            sent.HasReset.Should().BeTrue();
            sent.HasFin.Should().BeFalse();
            read.Error.Should().Be(Errno.ECONNRESET);
            aborts.Should().Be(1, "the kernel itself counts one connection that was closed with unread data");
        });
    });

    [Claim("H06", "Data that was read, and arrives once more together with the FIN, is not unread: the connection is not reset.")]
    [Note("The client's last request was read and answered, yet now and then it got a reset? If the acknowledgement of the request is lost, the client sends it again together with its FIN; older Linux took that copy for unread data and threw the reply away. Repaired in 6.18 and in the stable releases of October 2025.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): compares with copied_seq; commit 5f9238530970; tools/testing/selftests/net/packetdrill/tcp_close_no_rst.pkt", Since = "6.18")]
    [Linux(Holds, Documented, "6.17.3", "commit 5f9238530970, in that stable release", Since = "6.17.3", Until = "6.18")]
    [Linux(Holds, Measured, "6.12.117", "commit 5f9238530970, in the stable release 6.12.53", Since = "6.12.53", Until = "6.13")]
    [Linux(Holds, Documented, "6.6.112", "commit 5f9238530970, in that stable release", Since = "6.6.112", Until = "6.7")]
    [Linux(Holds, Measured, "6.1.176", "commit 5f9238530970, in the stable release 6.1.156", Since = "6.1.156", Until = "6.2")]
    [Linux(Holds, Documented, "5.15.195", "commit 5f9238530970, in that stable release", Since = "5.15.195", Until = "5.16")]
    [Linux(Holds, Documented, "5.10.246", "commit 5f9238530970, in that stable release", Since = "5.10.246", Until = "5.11")]
    [Linux(DoesNotHold, Measured, "5.10.223", "net/ipv4/tcp.c __tcp_close(): counts all that stands in the queue; commit 5f9238530970 tells what it repaired", Until = "6.18")]
    [FreeBSD(NotApplicable, NoReset)]
    [DragonFly(NotApplicable, NoReset)]
    [OpenBSD(NotApplicable, NoReset)]
    [NetBSD(NotApplicable, NoReset)]
    public Task FullyReadQueueDoesNotReset(Ip ip) => Bench.Decide(ip, bed =>
    {
        const int Request = 100;
        Pair pair = bed.Connect();
        Pair more = bed.Connect("control");
        Victim victim = bed.Fork(pair, more);
        foreach (Pair each in new[] { pair, more })
        {
            each.PeerEnd.Write(Request);
            bed.Control("the request has arrived", bed.Await(() => Waiting(each) == Request));
            victim.Make($"read({Request})", new Call(CallKind.Read, victim.Descriptor(each), Request));
        }

        pair.InjectFromPeer(TcpFlags.FIN | TcpFlags.ACK, Request, sequenceOffset: -Request);
        more.InjectFromPeer(TcpFlags.FIN | TcpFlags.ACK, Request + 1, sequenceOffset: -Request);
        bed.Control(
            "both FINs have been received",
            pair.VictimEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT && more.VictimEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT);

        long abortsBefore = bed.Counter("TCPAbortOnClose");
        victim.Kill();
        bed.Control("one new byte before the FIN makes the same death a reset", bed.Await(() => more.FromVictim is { HasReset: true, HasFin: false }));
        bed.Control("the death is seen on the path", bed.Await(() => pair.FromVictim.HasFin || pair.FromVictim.HasReset));
        StreamSeen sent = pair.FromVictim;
        long aborts = bed.Counter("TCPAbortOnClose") - abortsBefore;
        bed.Look("before wait()");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                sent.HasFin.Should().BeTrue();
                sent.HasReset.Should().BeFalse();
                aborts.Should().Be(1, "the kernel itself counts only the control");
            })
            .DoesNotHold("the copy is taken for unread data, and the connection is reset", () =>
            {
                sent.HasFin.Should().BeFalse();
                sent.HasReset.Should().BeTrue();
                aborts.Should().Be(2, "the kernel itself counts both");
            });
    });

    [Claim("H07", "A writer that is blocked because its reader is stopped is freed at once when the reader is killed.")]
    [Note("A client hangs in write() because a server process was stopped or is stuck: must I wait for a timeout? No: kill the process, stopped or not, and its death ends the writer's call within a round trip. While it is merely stopped nothing ends that call, for the kernel goes on answering the writer's probes.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): RST for unread data; net/core/stream.c sk_stream_wait_memory() wakes for sk_err; RFC 2525 section 2.17")]
    [FreeBSD(Holds, Inferred, "13.0", "tools/regression/netinet/tcpfullwindowrst; sys/netinet/tcp_usrreq.c tcp_disconnect(): the window opens, then FIN, then RST for more data")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_usrreq.c tcp_disconnect(): the window opens, then FIN, then RST for more data")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_dodisconnect(): the window opens, then FIN, then RST for more data")]
    [NetBSD(Holds, Inferred, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_disconnect1(): the window opens, then FIN; sys/netinet/tcp_input.c tcp_input(): RST for more data")]
    public Task KillingStuckReaderFreesPeer(Ip ip) => Bench.Decide(ip, bed =>
    {
        const int TooMuch = 5 * 1024 * 1024;
        Victim reader = bed.Fork();
        Victim stopped = bed.Fork();
        Victim writer = bed.ForkBystander();
        Victim other = bed.ForkBystander();
        (int connection, End writersEnd) = ConnectWithSmallBuffers(bed, ip, reader, writer, "writer's end");
        (int control, End othersEnd) = ConnectWithSmallBuffers(bed, ip, stopped, other, "control's end");
        reader.Stop();
        stopped.Stop();
        writer.Ignore(Signals.SIGPIPE);
        writer.Begin("write(5 MiB) blocks", new Call(CallKind.Write, connection, TooMuch));
        other.Begin("write(5 MiB) blocks", new Call(CallKind.Write, control, TooMuch));
        bed.Control(
            "both windows are closed, and both writers are inside write()",
            bed.Await(() => IsProbing(writersEnd) && IsProbing(othersEnd) && writer.IsBlocked() && other.IsBlocked()));
        bed.Name(writersEnd.Look().SendQueue, "what the kernel had accepted");
        bed.Name(othersEnd.Look().SendQueue, "what the kernel had accepted");
        bed.Name(bed.Stream(writersEnd.Tuple.Local, writersEnd.Tuple.Remote).Bytes, "as much as the window took");
        bed.Name(bed.Stream(othersEnd.Tuple.Local, othersEnd.Tuple.Remote).Bytes, "as much as the window took");

        reader.Kill();
        Returned? freed = writer.AwaitReturn(AtOnce);
        bed.Control("the writer whose reader is merely stopped is still inside write()", other.IsBlocked());
        SocketSeen left = writersEnd.Look();
        bed.Look("before wait()");
        reader.Reap();

        return Answer.Holds(() =>
        {
            freed.Should().NotBeNull("the call has returned");
            freed?.Value.Should().BeLessThan(TooMuch, "but not because the reader had made room");
            left.State.Should().NotBe(ESTABLISHED);
        });
    });

    [Claim("H08", "A shutdown(SHUT_WR) before the death does not spare a connection with unread data the reset.")]
    [Note("I shut down writing before I close, why still a reset? Because it only announces the end of the reply; what decides is whether the request was read to its end. A client that has got that FIN reads a regular end of the stream all the same, but what it still sends is refused, and a FIN that was late is overtaken.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): asks for unread data in every state; net/ipv4/tcp_input.c tcp_reset()")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/netinet/tcp_usrreq.c tcp_disconnect(): sbflush() of the receive buffer; the FIN was sent before")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/netinet/tcp_usrreq.c tcp_disconnect(): flushes the receive buffer")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_dodisconnect(): flushes the receive buffer")]
    [NetBSD(DoesNotHold, Source, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_disconnect1(): sbflush() of the receive buffer; the FIN was sent before")]
    public Task ShutdownDoesNotPreventReset(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair drained = bed.Connect("control");
        Victim victim = bed.Fork(pair, drained);
        pair.PeerEnd.Write(6);
        drained.PeerEnd.Write(6);
        bed.Control("six bytes wait on both connections", bed.Await(() => Waiting(pair) == 6 && Waiting(drained) == 6));
        victim.Make("read(10)", new Call(CallKind.Read, victim.Descriptor(drained), 10));
        victim.ShutdownWrite(pair);
        victim.ShutdownWrite(drained);
        bed.Control(
            "both FINs were sent and acknowledged",
            pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && drained.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        victim.Kill();
        SocketSeen spared = drained.VictimEnd.Look();
        bed.Control("where the bytes were read, the death adds nothing to the FIN", spared.State == FIN_WAIT_2 && !drained.FromVictim.HasReset);
        SocketSeen left = pair.VictimEnd.Look();
        pair.PeerEnd.Await(left.State == None ? None : CLOSE_WAIT);
        StreamSeen sent = pair.FromVictim;
        pair.PeerEnd.Read();
        bed.Look("before wait()");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                sent.HasFin.Should().BeTrue();
                sent.HasReset.Should().BeTrue();
                left.State.Should().Be(None);
            })
            .DoesNotHold("nothing follows the FIN, and the unread data is forgotten", () =>
            {
                sent.HasFin.Should().BeTrue();
                sent.HasReset.Should().BeFalse();
                left.State.Should().Be(FIN_WAIT_2);
            });
    });

    [Claim("H09", "A client whose upload fails because the server died can still read the reply that had arrived before.")]
    [Note("The server answers early (too large, not allowed) and dies or closes while the client is still uploading: is the answer lost? Not in the kernel: write() fails, but the answer still stands in the client's receive queue. Clients that give up at the first failed write never look there; that is why they report a reset instead of the answer. The error is told once: after the failed write the read ends like an ordinary stream.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_input.c tcp_reset() leaves the receive queue; net/ipv4/tcp.c tcp_recvmsg_locked(): the queue before sk_err; net/core/stream.c sk_stream_error() takes the error")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_socket.c soreceive_stream(): data before so_error; sys/kern/uipc_socket.c soisdisconnected() drops so_snd only")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_socket.c sorecvtcp(): data before so_error")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_socket.c soreceive(): data before so_error")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soreceive(): data before so_error")]
    public Task FailedUploadLeavesTheReplyReadable(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair alive = bed.Connect("control");
        Victim server = bed.Fork(pair);
        Victim other = bed.Fork(alive);
        pair.PeerEnd.Write(6);
        bed.Control("the beginning of the upload waits to be read", bed.Await(() => Waiting(pair) == 6));
        server.Write(1000);
        bed.Control("the reply has arrived", pair.PeerEnd.Await(seen => seen.ReceiveQueue == 1000).ReceiveQueue == 1000);
        other.Write(1000, alive);

        server.Kill();
        pair.PeerEnd.Await(seen => seen.State != ESTABLISHED);
        bed.Control("the upload fails", bed.Await(() => pair.PeerEnd.AttemptWrite(10).Error is Errno.ECONNRESET or Errno.EPIPE));
        bed.Control("where the server lives, it goes on", alive.PeerEnd.AttemptWrite(10) is { Bytes: 10, Error: Errno.None });
        alive.VictimEnd.Await(seen => seen is { ReceiveQueue: 10, SendQueue: 0 });
        IoResult read = pair.PeerEnd.Read();
        bed.Look("before wait()");
        server.Reap();

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(1000);
            read.IsIntact.Should().BeTrue("they are the bytes that were written");
        });
    });

    private static long Waiting(Pair pair) => pair.VictimEnd.Look().ReceiveQueue;

    private static bool IsStuck(Pair pair) => IsProbing(pair.VictimEnd);

    private static bool IsProbing(End end) => end.Look() is { SendQueue: > 0 } seen && end.WaitsForRoom(seen);

    // The reader's receive buffer is set on its listener, from which the connection inherits it: the window is small from the start.
    private static (int Connection, End WritersEnd) ConnectWithSmallBuffers(Testbed bed, Ip ip, Victim reader, Victim writer, string name)
    {
        int listener = reader.Socket(ip);
        reader.SetOption(listener, SocketOption.SO_RCVBUF, 4096);
        Endpoint at = reader.Listen(listener, Endpoint.Loopback(ip));
        int connection = writer.Socket(ip);
        writer.SetOption(connection, SocketOption.SO_SNDBUF, 16 * 1024);
        writer.Connect(connection, at);
        reader.Accept(listener);
        return (connection, bed.Watch(name, writer.LocalName(connection), at));
    }
}
