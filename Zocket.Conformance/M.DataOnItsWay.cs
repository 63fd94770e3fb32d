namespace Zocket.Conformance;

[Family("M", "Data on its way when the process dies")]
public sealed class DataOnItsWay
{
    private const string OnlyLinuxSplices = "splice(2) exists on Linux only";
    private const string OnlyLinuxHasRings = "io_uring exists on Linux only";
    private const string OnlyLinuxSendsWithoutCopying = "MSG_ZEROCOPY exists on Linux only";
    private const string NoSendfile = "there is no sendfile(2)";

    [Claim("M01", "Data that TCP_CORK (TCP_NOPUSH) holds back is sent at death, before the FIN.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_send_fin(): __tcp_push_pending_frames() with TCP_NAGLE_OFF")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_output.c tcp_output(): a FIN that is due is sent, and the data before it, whatever TF_NOPUSH says")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_output.c tcp_output()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_output.c tcp_output()")]
    [Note("The server was killed with tcp_nopush on and half a segment corked: is that lost? No, the kernel sends it on the way out.")]
    public Task CorkedDataIsSentAtDeath(Ip ip, [Each(UnderscoreExit, Sigkill)] DeathPath death) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair uncorked = bed.Connect("control");
        Victim victim = bed.Fork(pair, uncorked);
        victim.SetOption(SocketOption.TCP_CORK, 1);
        victim.Write(10);
        victim.Write(10, uncorked);
        bed.Control("what is not corked crosses the path while the process lives", bed.Await(() => uncorked.FromVictim.Bytes == 10));
        bed.Control("what is corked was written before and does not", pair.FromVictim.Bytes == 0 && pair.VictimEnd.Look().SendQueue == 10);

        victim.Die(death);
        IoResult read = pair.PeerEnd.Read();
        pair.VictimEnd.Await(FIN_WAIT_2);
        uncorked.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(10);
            read.IsIntact.Should().BeTrue();
            read.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("M02", "A second small write, which Nagle's algorithm holds back, is sent at death although the first is still unacknowledged.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_send_fin(), tcp_nagle_test(): not for the final FIN")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_output.c tcp_output(): a FIN that is due is sent with all that the window allows, idle or not")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_output.c tcp_output()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_output.c tcp_output()")]
    [Note("Do I have to set TCP_NODELAY so that the last few bytes of a reply do not stay behind when the process exits? No: the death itself pushes them out.")]
    public Task DeathOverridesNagle(Ip ip, [Each(UnderscoreExit, Sigkill)] DeathPath death) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair undelayed = bed.Connect("control");

        // The peers get what is sent, the victims never learn of it: the first write stays unacknowledged.
        pair.Block(Blocker.FilterOnVictim);
        undelayed.Block(Blocker.FilterOnVictim);
        Victim victim = bed.Fork(pair, undelayed);
        victim.SetOption(SocketOption.TCP_NODELAY, 1, undelayed);
        victim.Write(10, undelayed);
        victim.Write(10, undelayed);
        bed.Control("with TCP_NODELAY the second write crosses the path at once", bed.Await(() => undelayed.FromVictim.Bytes == 20));

        // After the control's, and looked at without a pause: the first retransmission of a BSD, after 0.2 s on FreeBSD, takes both writes.
        victim.Write(10);
        victim.Write(10);
        bed.Control("without it only the first one does", bed.Await(() => pair.FromVictim.Bytes == 10));

        victim.Die(death);
        IoResult read = pair.PeerEnd.Read();
        bed.Await(() => pair.FromVictim.IsFinAcknowledged && undelayed.FromVictim.IsFinAcknowledged);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(20);
            read.EndOfStream.Should().BeTrue();
            orphan.SendQueue.Should().Be(20, "no acknowledgement ever came through");
        });
    });

    [Claim("M03", "Where data has not been sent yet when the process dies, the FIN travels in the last segment of it, and no bare FIN is sent.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_send_fin(): the flag is set on the tail of the write queue")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_output.c tcp_output(): TH_FIN stays set where the segment reaches the end of the buffer")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_output.c tcp_output()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_output.c tcp_output()")]
    [Note("Why does tcpdump show [FP.] with data and no separate FIN? The end of the stream rides on the last data that was still unsent.")]
    public Task FinRidesOnTheLastUnsentData(Ip ip, Topology path) => Bench.Decide(ip, path, bed =>
    {
        Pair pair = bed.Connect();
        Pair sent = bed.Connect("control");
        Victim victim = bed.Fork(pair, sent);
        victim.SetOption(SocketOption.TCP_CORK, 1);
        victim.Write(10);
        victim.Write(10, sent);
        bed.Control("the control's data is sent and acknowledged before the death", bed.Await(() => sent.FromVictim.AcknowledgedBytes == 10));
        bed.Control("the data in question is not sent before the death", pair.FromVictim.Bytes == 0);

        victim.Kill();
        bed.Control("where all had been sent before, the FIN comes alone", bed.Await(() => Fins(bed, sent).Count > 0) && Fins(bed, sent)[0].Length == 0);
        pair.PeerEnd.Await(CLOSE_WAIT);
        bed.Await(() => Fins(bed, pair).Count > 0);
        pair.VictimEnd.Await(FIN_WAIT_2);
        sent.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
            Fins(bed, pair).Should().NotBeEmpty().And.OnlyContain(segment => segment.Length == 10, "the ten bytes and the FIN are one segment"));
    });

    [Claim("M04", "Once a retransmission timer has fired, a dying process's FIN is held back until the data before it is acknowledged.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_cwnd_test(): after a timeout the congestion window is one segment, and that is in flight", Since = "6.10")]
    [Linux(DoesNotHold, Source, "6.9", "net/ipv4/tcp_output.c tcp_cwnd_test(): not strict about the final FIN", Until = "6.10")]
    [FreeBSD(DoesNotHold, Inferred, "13.0", "sys/netinet/tcp_output.c tcp_output(): a FIN not yet sent is sent, whatever the congestion window")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/netinet/tcp_output.c tcp_output()")]
    [OpenBSD(DoesNotHold, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_output.c tcp_output()")]
    [Note("I killed the process, its peer is unreachable, and tcpdump shows retransmissions but never a FIN: was the socket not closed? It was (see FIN_WAIT_1 in the table); the FIN waits behind the data.")]
    public Task FinIsHeldBackAfterRetransmission(Ip ip) => Bench.Decide(Retransmitting(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair idle = bed.Connect("control");
        Victim victim = bed.Fork(pair, idle);
        Block hush = pair.Hush();
        idle.Hush();
        victim.Write(10);

        // The first time it may be sent again as a probe for a lost tail, which leaves the congestion window as it was.
        bed.Control("the retransmission timer has fired before the death", pair.VictimEnd.HasSentAgain(pair.VictimEnd.Await(pair.VictimEnd.HasSentAgain)));

        victim.Kill();
        bed.Control("where no data is in the way, the FIN crosses the path at once", bed.Await(() => idle.FromVictim.HasFin));
        int before = pair.FromVictim.Retransmissions;
        bed.Control("the data goes on being retransmitted", bed.Await(() => pair.FromVictim.Retransmissions >= before + 2));
        bool finWasSent = pair.FromVictim.HasFin;
        SocketSeen orphan = pair.VictimEnd.Look();
        hush.Lift();
        IoResult read = pair.PeerEnd.Read();
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the path was opened");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                orphan.State.Should().Be(FIN_WAIT_1, "the table does not wait for the FIN to be sent");
                finWasSent.Should().BeFalse("two more retransmissions of the data have crossed the path without it");
                read.Bytes.Should().Be(10);
                read.EndOfStream.Should().BeTrue("it follows as soon as the data is acknowledged");
            })
            .DoesNotHold("the FIN is sent at death", () =>
            {
                orphan.State.Should().Be(FIN_WAIT_1);
                finWasSent.Should().BeTrue();
                read.Bytes.Should().Be(10);
                read.EndOfStream.Should().BeTrue();
            });
    });

    [Claim("M05", "A process killed inside a call that sends - writev(), sendmsg(), sendfile(), splice() - delivers what the kernel had taken by then, and then the end of the stream.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_sendmsg_locked(): sk_stream_wait_memory() is interruptible, and what is queued stays queued")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_socket.c sosend_generic(), sys/kern/kern_sendfile.c vn_sendfile(): sbwait() is interruptible; there is no splice()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_socket.c sosendtcp(), sys/kern/uipc_syscalls.c kern_sendfile(); there is no splice()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_socket.c sosend(): sbwait() is interruptible; there is neither sendfile() nor splice()")]
    [Note("Is a large send all or nothing? No: the client gets a part of it that nobody can tell beforehand, and an ordinary end of stream, so it must know the length by other means (Content-Length).")]
    public Task DeathInsideSendDeliversWhatWasTaken(Ip ip, SendingCall call) => Bench.Decide(ip, bed =>
    {
        const int Bytes = 64 * 1024;
        Pair pair = bed.Connect(plan: new PairPlan { PeerReceiveBuffer = 4096, VictimSendBuffer = 8 * 1024 });
        Victim victim = bed.Fork(pair);
        victim.BlockInSending(call, Bytes);
        bed.Control(
            "the peer's window is closed, and the sender is inside the call and alive",
            bed.Await(() => pair.VictimEnd.WaitsForRoom() && victim.IsBlocked()) && !victim.IsWaitable());

        victim.Kill();
        SocketSeen orphan = pair.VictimEnd.Look();
        long taken = bed.Name(orphan.SendQueue + pair.PeerEnd.Look().ReceiveQueue, "what the kernel had taken");
        bed.Name(orphan.SendQueue, "what was not acknowledged");
        bed.Name(taken - orphan.SendQueue, "a full receive buffer");
        bed.Look("before wait()");
        victim.Reap();
        IoResult read = pair.PeerEnd.Read();
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the peer has read");

        return Answer.Holds(() =>
        {
            taken.Should().BeInRange(1, Bytes - 1, "the call was neither at its beginning nor at its end");
            read.Bytes.Should().Be(taken);
            read.IsIntact.Should().BeTrue();
            read.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("M06", "On a non-blocking connection exactly the bytes that write() has counted are delivered after death, not those that EAGAIN refused.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_sendmsg_locked(): returns what was copied")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_socket.c sosend_generic(): SS_NBIO, EWOULDBLOCK where there is no space")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_socket.c sosendtcp()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_socket.c sosend()")]
    [Note("An event loop dies with output in its own buffers: what does the client get? What write() had accepted, to the byte; the rest was the process's alone and is gone with it.")]
    public Task CountedBytesAreDelivered(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect(plan: new PairPlan { PeerReceiveBuffer = 4096, VictimSendBuffer = 8 * 1024 });
        Victim victim = bed.Fork(pair);
        long counted = bed.Name(FillForGood(bed, victim, pair), "what write() has counted");
        bed.Control("one more byte is refused", victim.AttemptWrite(1).Error == Errno.EAGAIN);

        victim.Kill();
        bed.Control("not all of it has been sent", pair.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: > 0 });
        victim.Reap();
        IoResult read = pair.PeerEnd.Read();
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the peer has read");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(counted);
            read.IsIntact.Should().BeTrue();
            read.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("M07", "When one of two writers of a connection is killed in the middle of a large write(), the other's bytes follow directly behind the part that was taken.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_sendmsg_locked(): the socket is not locked while it waits; nothing is taken back")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_socket.c sosend_generic(): sblock() is given up when the killed writer returns")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_socket.c sosendtcp(): ssb_lock()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_socket.c sosend(): sblock()")]
    [Note("Workers share one connection and one is OOM-killed: is its message complete, or absent? Neither: the client gets half a message with the next worker's behind it, and no end of stream that would tell.")]
    public Task OtherWriterFollowsTheKilledOne(Ip ip) => Bench.Decide(ip, bed =>
    {
        const int Large = 1024 * 1024;
        Pair pair = bed.Connect(plan: new PairPlan { PeerReceiveBuffer = 4096, VictimSendBuffer = 16 * 1024 });
        IReadOnlyList<Victim> writers = bed.Fork(2, pair);
        (Victim killed, Victim other) = (writers[0], writers[1]);
        killed.BlockInWrite(Large);
        bed.Control(
            "the peer's window is closed, and the first writer is inside write()",
            bed.Await(() => pair.VictimEnd.WaitsForRoom() && killed.IsBlocked()));

        killed.Kill();
        SocketSeen shared = pair.VictimEnd.Look();
        long taken = bed.Name(shared.SendQueue + pair.PeerEnd.Look().ReceiveQueue, "what the kernel had taken of the first");
        bed.Name(shared.SendQueue, "what was not acknowledged");
        bed.Name(taken - shared.SendQueue, "a full receive buffer");
        bed.Name(taken + 10, "that, and ten bytes of the second");
        bed.Look("after the first writer's death");
        other.BlockInWrite(10);
        IoResult first = pair.PeerEnd.Read((int)taken);
        IoResult second = pair.PeerEnd.Read(10);
        bed.Control("after both parts the connection is open", pair.VictimEnd.Look().State == ESTABLISHED && pair.PeerEnd.ReadNow() is { Bytes: 0, EndOfStream: false });
        other.Exit();
        IoResult end = pair.PeerEnd.Read();
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the second writer's death");

        return Answer.Holds(() =>
        {
            taken.Should().BeInRange(1, Large - 1);
            shared.State.Should().Be(ESTABLISHED, "the second writer holds it");
            first.Bytes.Should().Be(taken);
            first.IsIntact.Should().BeTrue();
            second.Bytes.Should().Be(10, "nothing stands between the two");
            second.IsIntact.Should().BeTrue();
            end.Bytes.Should().Be(0);
            end.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("M08", "What sendfile() has handed over is delivered although the process has died and the file has been truncated to nothing since.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_sendmsg_locked(), MSG_SPLICE_PAGES: the queue has references of the pages; mm/shmem.c shmem_undo_range() takes them out of the file only")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_sendfile.c sendfile_free_mext(): the pages are wired until they are acknowledged")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_syscalls.c kern_sendfile(): the pages are wired until they are acknowledged")]
    [OpenBSD(NotApplicable, NoSendfile)]
    [Note("Log rotation truncated the file while a slow client was still downloading, and the server had been restarted: is the download cut? Not the part that sendfile() had returned for.")]
    public Task TruncatedFileIsDelivered(Ip ip) => Bench.Decide(Retransmitting(ip), bed =>
    {
        const int Bytes = 20_000;
        Pair pair = bed.Connect(plan: new PairPlan { VictimSendBuffer = 256 * 1024 });
        Victim victim = bed.Fork(pair);
        Victim bystander = bed.ForkBystander();
        int file = victim.MakeFile(Bytes);
        int theSame = bystander.CopyDescriptor(victim, file, "the file");
        Block hush = pair.Hush();
        victim.SendFile(file, Bytes);
        victim.Kill();
        victim.Reap();
        bystander.Make("ftruncate(0)", Call.To("ftruncate", theSame, 0));
        bed.Control("the file is empty", bystander.Attempt("lseek(SEEK_END)", Call.To("lseek", theSame, 0, 2)).Value == 0);
        bed.Control("not a byte has been acknowledged", pair.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: Bytes });

        hush.Lift();
        IoResult read = pair.PeerEnd.Read();
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the path was opened");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(Bytes);
            read.IsIntact.Should().BeTrue();
            read.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("M09", "Overwriting a file after sendfile() has returned and the process has died changes what the client is still to get.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_sendmsg_locked(), MSG_SPLICE_PAGES: nothing is copied; sendfile(2)")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_sendfile.c vn_sendfile(): the file's pages are mapped into the mbufs; sendfile(2), \"zero-copy\"")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_syscalls.c kern_sendfile(): the file's pages are mapped into the mbufs")]
    [OpenBSD(NotApplicable, NoSendfile)]
    [Note("Is it safe to write over a file in place once sendfile() has returned? No: clients whose data is not acknowledged yet get a mixture of old and new, even if the server is long gone. Write a new file and rename it.")]
    public Task OverwrittenFileIsDeliveredChanged(Ip ip) => Bench.Decide(Retransmitting(ip), bed =>
    {
        const int Bytes = 4000;
        Pair pair = bed.Connect();
        Pair copied = bed.Connect("control");
        Victim victim = bed.Fork(pair, copied);
        Victim bystander = bed.ForkBystander();
        int file = victim.MakeFile(Bytes);
        int theSame = bystander.CopyDescriptor(victim, file, "the file");
        IReadOnlyList<Block> hushes = [pair.Hush(), copied.Hush()];
        victim.SendFile(file, Bytes);
        victim.Write(Bytes, copied);
        victim.Kill();
        victim.Reap();
        byte[] others = [.. Enumerable.Repeat((byte)'x', Bytes)];
        bystander.Make("writes over the whole file", Call.To("pwrite64", theSame, new Memory(others), Bytes, 0));
        bed.Control("not a byte has been acknowledged", pair.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: Bytes });

        foreach (Block hush in hushes)
        {
            hush.Lift();
        }

        IoResult written = copied.PeerEnd.Read();
        bed.Control("what write() has copied does not change", written is { Bytes: Bytes, EndOfStream: true, IsIntact: true });
        IoResult read = pair.PeerEnd.Read();
        pair.VictimEnd.Await(FIN_WAIT_2);
        copied.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the path was opened");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(Bytes);
            read.IsIntact.Should().BeFalse("they are not the bytes that stood there when sendfile() returned");
            read.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("M10", "Data that was spliced from a connection into a pipe is no longer unread: death sends FIN, not RST, and what is in the pipe is lost.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_splice_read() moves copied_seq on, so __tcp_close() finds nothing unread; fs/pipe.c free_pipe_info()")]
    [FreeBSD(NotApplicable, OnlyLinuxSplices)]
    [DragonFly(NotApplicable, OnlyLinuxSplices)]
    [OpenBSD(NotApplicable, OnlyLinuxSplices)]
    [Note("A proxy that splices (HAProxy) is killed: does the client learn that its upload was cut? No: all of it had been acknowledged, and the end of the connection looks like any other.")]
    public Task SplicedDataIsLostWithoutReset(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair client = bed.Connect();
        Pair server = bed.Connect("server");
        Pair unread = bed.Connect("control");
        Victim proxy = bed.Fork(client, server, unread);
        client.PeerEnd.Write(1000);
        unread.PeerEnd.Write(1000);
        bed.Control(
            "both uploads have arrived",
            client.VictimEnd.Await(seen => seen.ReceiveQueue == 1000).ReceiveQueue == 1000
                && unread.VictimEnd.Await(seen => seen.ReceiveQueue == 1000).ReceiveQueue == 1000);
        (int pipeRead, int pipeWrite) = proxy.Pipe();
        proxy.Splice(proxy.Descriptor(client), pipeWrite, 1000, "from the client's connection into the pipe");
        proxy.Splice(pipeRead, proxy.Descriptor(server), 400, "from the pipe to the server's connection");

        proxy.Kill();
        bed.Control("a connection of the same process with unread data is reset", unread.PeerEnd.Read() is { Error: Errno.ECONNRESET });
        IoResult atServer = server.PeerEnd.Read();
        IoResult atClient = client.PeerEnd.Read();
        bed.Await(() => client.FromVictim is { HasFin: true } or { HasReset: true });
        client.VictimEnd.Await(FIN_WAIT_2);
        server.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("before wait()");
        proxy.Reap();

        return Answer.Holds(() =>
        {
            atClient.EndOfStream.Should().BeTrue("nothing tells the client");
            client.FromPeer.AcknowledgedBytes.Should().Be(1000);
            client.FromVictim.HasReset.Should().BeFalse();
            atServer.Bytes.Should().Be(400);
            atServer.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("M11", "Bytes sent with MSG_ZEROCOPY and not yet acknowledged arrive intact although the process and its memory are gone.")]
    [Linux(Holds, Measured, "6.18", "net/core/skbuff.c skb_zerocopy_iter_stream(), net/core/datagram.c __zerocopy_sg_from_iter(): the pages are pinned; Documentation/networking/msg_zerocopy.rst")]
    [FreeBSD(NotApplicable, OnlyLinuxSendsWithoutCopying)]
    [DragonFly(NotApplicable, OnlyLinuxSendsWithoutCopying)]
    [OpenBSD(NotApplicable, OnlyLinuxSendsWithoutCopying)]
    [Note("If the kernel sends straight from my memory, must the process live until the data is acknowledged? No: the kernel keeps the pages; what it must not do while it lives is write there.")]
    public Task ZerocopyPagesOutliveTheirProcess(Ip ip) => Bench.Decide(Retransmitting(ip), bed =>
    {
        const int Bytes = 16_000;
        Pair pair = bed.Connect(plan: new PairPlan { VictimSendBuffer = 256 * 1024 });
        Pair overwritten = bed.Connect("control", new PairPlan { VictimSendBuffer = 256 * 1024 });
        Victim victim = bed.Fork(pair, overwritten);
        IReadOnlyList<Block> hushes = [pair.Hush(), overwritten.Hush()];
        long memory = victim.TakeMemory(Bytes);
        long other = victim.TakeMemory(Bytes);
        victim.SendWithoutCopying(memory, Bytes);
        victim.SendWithoutCopying(other, Bytes, overwritten);
        victim.Overwrite(other, [.. Enumerable.Repeat((byte)'x', Bytes)]);

        victim.Kill();
        victim.Reap();
        bed.Control("not a byte has been acknowledged", pair.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: Bytes });
        foreach (Block hush in hushes)
        {
            hush.Lift();
        }

        bed.Control(
            "nothing was copied: what was overwritten after send() arrives overwritten",
            overwritten.PeerEnd.Read() is { Bytes: Bytes, EndOfStream: true, IsIntact: false });
        IoResult read = pair.PeerEnd.Read();
        pair.VictimEnd.Await(FIN_WAIT_2);
        overwritten.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the path was opened");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(Bytes);
            read.IsIntact.Should().BeTrue();
            read.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("M12", "A connection that an io_uring refers to stays ESTABLISHED after the death of its only process, for as long as another process holds the ring.")]
    [Linux(Holds, Measured, "6.18", "io_uring/rsrc.c io_sqe_files_register(); io_uring/io_uring.c io_assign_file(), io_uring_cancel_generic(): a dying task leaves what merely waits to the ring's end")]
    [FreeBSD(NotApplicable, OnlyLinuxHasRings)]
    [DragonFly(NotApplicable, OnlyLinuxHasRings)]
    [OpenBSD(NotApplicable, OnlyLinuxHasRings)]
    [Note("No process has the socket open, neither ss -p nor lsof names one, and still it is ESTABLISHED: who holds it? Perhaps a ring that was inherited over fork(): the worker died, its parent kept the ring.")]
    public Task RingKeepsConnectionOfTheDead(Ip ip, [Each("registered", "a pending receive")] string reference) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair plain = bed.Connect("control");
        Victim victim = bed.Fork(pair, plain);
        Victim bystander = bed.ForkBystander();
        Ring ring = victim.OpenRing();
        Refer(bed, ring, reference);
        bystander.CopyDescriptor(victim, ring.Descriptor, "the ring");

        victim.Kill();
        bed.Control("a connection of the same process that the ring does not know is closed", plain.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        SocketSeen held = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bed.Look("after the death, before wait()");
        victim.Reap();
        bystander.Kill();
        bed.Control("when the last holder of the ring dies, the peer meets the FIN", pair.PeerEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT);
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the ring's last holder has died");

        return Answer.Holds(() =>
        {
            held.State.Should().Be(ESTABLISHED);
            held.Owners.Should().BeEmpty("no process has a descriptor of it");
            finWasSent.Should().BeFalse();
        });
    });

    [Claim("M13", "A process can be waited for although a connection that is registered in its io_uring is not closed yet.")]
    [Linux(Holds, Measured, "6.18", "io_uring/io_uring.c io_ring_ctx_wait_and_kill(): io_ring_exit_work() ends the ring from a workqueue, and kernel/exit.c do_exit() does not wait for it")]
    [FreeBSD(NotApplicable, OnlyLinuxHasRings)]
    [DragonFly(NotApplicable, OnlyLinuxHasRings)]
    [OpenBSD(NotApplicable, OnlyLinuxHasRings)]
    [Note("Once wait() has returned, are the old worker's connections closed and its port free? Not with io_uring: the kernel's own workers close them a moment later, here as much later as a stopped process holds them up. Be ready to try bind() again.")]
    public Task DeathDoesNotWaitForItsRing(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair plain = bed.Connect("control");
        Victim victim = bed.Fork(pair, plain);
        Victim bystander = bed.ForkBystander();
        Ring ring = victim.OpenRing();
        ring.Register();

        // The kernel ends a ring only when everybody who has used it has been told, and a stopped process cannot be told anything.
        bystander.UseOnce(ring);
        bystander.Stop();

        victim.Kill();
        victim.Reap();
        bed.Control("a connection of the same process that the ring does not know is closed", plain.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        SocketSeen left = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bed.Look("after wait()");
        bystander.Kill();
        bed.Control("when nobody holds the ring up any more, the peer meets the FIN", pair.PeerEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT);
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the stopped process has died");

        return Answer.Holds(() =>
        {
            left.State.Should().Be(ESTABLISHED, "the process is dead and reaped, and its connection is not closed");
            left.Owners.Should().BeEmpty();
            finWasSent.Should().BeFalse();
        });
    });

    [Claim("M14", "A send that was submitted to an io_uring and still waits for room is not delivered after death.")]
    [Linux(Holds, Measured, "6.18", "io_uring/io_uring.c io_ring_exit_work(): io_uring_try_cancel_requests(); io_uring/poll.c io_arm_poll_handler()")]
    [FreeBSD(NotApplicable, OnlyLinuxHasRings)]
    [DragonFly(NotApplicable, OnlyLinuxHasRings)]
    [OpenBSD(NotApplicable, OnlyLinuxHasRings)]
    [Note("After io_uring_enter() has said that a send is submitted, is it the kernel's then, like data that write() has accepted? Only once its completion says so; before that it dies with the process.")]
    public Task PendingRingSendIsLost(Ip ip) => Bench.Decide(ip, bed =>
    {
        PairPlan small = new() { PeerReceiveBuffer = 4096, VictimSendBuffer = 8 * 1024 };
        Pair pair = bed.Connect(plan: small);
        Pair alive = bed.Connect("control", small);
        Victim victim = bed.Fork(pair);
        Victim living = bed.Fork(alive);
        long taken = bed.Name(FillForGood(bed, victim, pair), "what write() has counted");
        long takenOfLiving = FillForGood(bed, living, alive);
        bed.Name(takenOfLiving + 10, "that and the ten bytes");
        Ring ring = victim.OpenRing();
        Ring livingRing = living.OpenRing();
        ring.SubmitSend(10);
        livingRing.SubmitSend(10);
        bed.Control("both sends wait", ring.Completed() == 0 && livingRing.Completed() == 0);

        victim.Kill();
        victim.Reap();
        IoResult read = pair.PeerEnd.Read();
        bed.Control(
            "the send of a process that lives is delivered when there is room",
            alive.PeerEnd.Read((int)takenOfLiving + 10) is { Error: Errno.None, IsIntact: true });
        alive.VictimEnd.Await(seen => seen.SendQueue == 0);
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the peers have read");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(taken, "the ten bytes were never the socket's");
            read.IsIntact.Should().BeTrue();
            read.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("M15", "What a rate limit (SO_MAX_PACING_RATE) has held back is sent after death, at that rate and not faster.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_pacing_check(), tcp_pace_kick(): the timer is the connection's, not the process's; socket(7)")]
    [FreeBSD(NotApplicable, "SO_MAX_PACING_RATE is the network card's to keep: sys/netinet/in_pcb.c in_pcboutput_txrtlmt() does nothing where the interface has no IFCAP_TXRTLMT, as lo0 and epair(4)")]
    [DragonFly(NotApplicable, "there is no SO_MAX_PACING_RATE")]
    [OpenBSD(NotApplicable, "there is no SO_MAX_PACING_RATE")]
    [Note("I killed the worker that saturates the uplink: is the bandwidth free at once? Not if it was paced: the kernel goes on sending what it had accepted, as slowly as before.")]
    public Task PacedDataIsSentAfterDeath(Ip ip) => Bench.Decide(Retransmitting(ip) with { Topology = Topology.Veth }, bed =>
    {
        const int Bytes = 64 * 1024;
        const int BytesASecond = 128 * 1024;
        Pair pair = bed.Connect(plan: new PairPlan { VictimSendBuffer = 256 * 1024 });
        Pair unlimited = bed.Connect("control", new PairPlan { VictimSendBuffer = 256 * 1024 });
        Victim victim = bed.Fork(pair, unlimited);
        IReadOnlyList<Block> hushes = [pair.Hush(), unlimited.Hush()];
        victim.SetOption(SocketOption.SO_MAX_PACING_RATE, BytesASecond);
        victim.Write(Bytes);
        victim.Write(Bytes, unlimited);
        victim.Kill();
        victim.Reap();
        long sent = pair.FromVictim.Bytes;
        bed.Control("most of it has not been sent yet", sent < Bytes / 2);

        foreach (Block hush in hushes)
        {
            hush.Lift();
        }

        bed.Control("without a limit all of it arrives", unlimited.PeerEnd.Read() is { Bytes: Bytes, EndOfStream: true });
        IoResult read = pair.PeerEnd.Read();
        bed.Await(() => pair.FromVictim.IsFinAcknowledged && unlimited.FromVictim.IsFinAcknowledged);
        pair.VictimEnd.Await(FIN_WAIT_2);
        unlimited.VictimEnd.Await(FIN_WAIT_2);
        TimeSpan tookWithLimit = TimeOfTheRest(bed, pair, sent);
        bed.Measured("sending the rest under the limit", tookWithLimit);
        bed.Measured("sending the rest without a limit", TimeOfTheRest(bed, unlimited, sent));
        bed.Look("after the peers have read");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(Bytes);
            read.IsIntact.Should().BeTrue();
            read.EndOfStream.Should().BeTrue();
            tookWithLimit.Should().BeGreaterThan(TimeSpan.FromSeconds((Bytes - sent) / (double)BytesASecond / 2), "the rest was not sent all at once");
        });
    });

    [Claim("M16", "What several processes have written into one connection arrives in the order of their writes, although all of them are dead.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_sendmsg_locked(): one queue for all holders")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_sockbuf.c sbappendstream(): one send buffer for all holders")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_sockbuf.c sbappendstream()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_socket2.c sbappendstream()")]
    [Note("Three children write into an inherited connection and exit, in no order you control: what does the peer get? Every byte, in the order in which the calls returned, whoever died first, and one end of stream.")]
    public Task WritersBytesKeepTheirOrder(Ip ip) => Bench.Decide(Retransmitting(ip), bed =>
    {
        Pair pair = bed.Connect();
        IReadOnlyList<Victim> writers = bed.Fork(3, pair);
        Block hush = pair.Hush();
        writers[2].WriteText("first ");
        writers[0].WriteText("second ");
        writers[1].WriteText("third");
        writers[1].Kill();
        writers[2].Exit();
        writers[0].Kill();
        bed.Control("nothing has arrived by the time the last of them is dead", pair.PeerEnd.ReadNow() is { Bytes: 0, EndOfStream: false });

        hush.Lift();
        pair.PeerEnd.Await(CLOSE_WAIT);
        string arrived = pair.PeerEnd.Peek(100);
        IoResult read = pair.PeerEnd.Read();
        pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the path was opened");

        return Answer.Holds(() =>
        {
            arrived.Should().Be("first second third");
            read.Bytes.Should().Be(arrived.Length);
            read.EndOfStream.Should().BeTrue();
        });
    });

    // The first retransmission after 20 ms instead of 200: what waits for one or three takes no longer than it must.
    private static TestbedPlan Retransmitting(Ip ip) => new(ip, Topology.Loopback)
    {
        AwaitsRetransmissions = true,
        Settings = new Dictionary<string, string> { ["net.ipv4.tcp_rto_min_us"] = "20000" },
    };

    private static void Refer(Testbed bed, Ring ring, string reference)
    {
        if (reference == "registered")
        {
            ring.Register();
        }
        else
        {
            ring.SubmitReceive();
            bed.Control("the receive waits", ring.Completed() == 0);
        }
    }

    // Once the window is closed nothing moves any more, and what is full stays full.
    private static long FillForGood(Testbed bed, Victim victim, Pair pair)
    {
        long taken = victim.Fill(pair);
        bed.Control("the peer's window is closed", pair.VictimEnd.WaitsForRoom(pair.VictimEnd.Await(pair.VictimEnd.WaitsForRoom)));
        return taken + victim.Fill(pair);
    }

    // From the first segment with bytes behind those to the last one, on the wire.
    private static TimeSpan TimeOfTheRest(Testbed bed, Pair pair, long behind)
    {
        Segment[] data = [.. bed.Captured.Where(segment => segment.Tuple == pair.VictimEnd.Tuple && segment.Length > 0)];
        Segment[] rest = [.. data.Where(segment => (int)(segment.Sequence - data[0].Sequence) >= behind)];
        return rest.Length == 0 ? TimeSpan.Zero : TimeSpan.FromMicroseconds((rest[^1].Nanoseconds - rest[0].Nanoseconds) / 1000.0);
    }

    // The segments with FIN that crossed the path from the victim's end.
    private static IReadOnlyList<Segment> Fins(Testbed bed, Pair pair) =>
        [.. bed.Captured.Where(segment => segment.Tuple == pair.VictimEnd.Tuple && segment.Flags.HasFlag(TcpFlags.FIN))];
}
