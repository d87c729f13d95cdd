/* Partners of the relay benchmark: `load` sends camera streams, `sink` counts datagrams, `relay` is the floor. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKET 1412
#define BATCH 512
#define FPS 25
#define MAX_SEGMENTS 44
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static volatile sig_atomic_t ended;
static void end(int number) { (void)number; ended = 1; }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void until(double at) {
    double left = at - now();
    if (left <= 0) return;
    struct timespec t = {(time_t)left, (long)((left - (time_t)left) * 1e9)};
    nanosleep(&t, NULL);
}

static int udp(int port, int buffer) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer))
        setsockopt(s, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (bind(s, (struct sockaddr *)&a, sizeof a)) { perror("bind"); exit(1); }
    return s;
}

static int port_of(int s) {
    struct sockaddr_in a;
    socklen_t length = sizeof a;
    getsockname(s, (struct sockaddr *)&a, &length);
    return ntohs(a.sin_port);
}

/* load PACKETS_PER_FRAME SECONDS PORT...: one stream per port, frames as bursts, streams evenly offset; SSRC 1000+n */
static int load(int argc, char **argv) {
    static const uint8_t start[] = {0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8, 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80,
                                    5, 0x21, 0, 1, 0, 1};
    static const uint8_t key[] = {0, 0, 0, 1, 0x67, 0x42, 0x80, 0x14, 0xda, 1, 0x40, 0, 0, 0, 0, 1, 0x68, 0xce, 0x3c,
                                  0x80, 0, 0, 0, 1, 0x65, 0x88, 0x84, 0x21, 0xa0};
    static const uint8_t slice[] = {0, 0, 0, 1, 0x41, 0x9a, 0x22, 0x11, 0xc0};
    int size = atoi(argv[0]), streams = argc - 2, s = udp(0, 1 << 16);
    double seconds = atof(argv[1]), began;
    uint32_t frames = (uint32_t)(seconds * FPS);
    unsigned long sent = 0;
    static uint8_t data[64][PACKET];
    struct iovec iov[64];
    struct mmsghdr head[64];
    struct sockaddr_in to = {.sin_family = AF_INET};
    uint16_t *sequence = calloc(streams, sizeof *sequence);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    memset(data, 0x55, sizeof data);
    memset(head, 0, sizeof head);
    for (int i = 0; i < 64; i++) {
        iov[i] = (struct iovec){data[i], PACKET};
        head[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov[i], .msg_iovlen = 1};
    }
    began = now();
    for (uint32_t frame = 0; frame < frames; frame++)
        for (int n = 0; n < streams; n++) {
            until(began + (frame + (double)n / streams) / FPS);
            to.sin_port = htons(atoi(argv[2 + n]));
            for (int i = 0; i < size; i++) {
                uint32_t time = htonl(frame * 3600), ssrc = htonl(1000 + n);
                uint16_t number = htons(sequence[n]++);
                data[i][0] = 0x80;
                data[i][1] = (i == size - 1 ? 0x80 : 0) | 96;
                memcpy(data[i] + 2, &number, 2);
                memcpy(data[i] + 4, &time, 4);
                memcpy(data[i] + 8, &ssrc, 4);
            }
            memcpy(data[0] + 12, start, sizeof start);
            memset(data[0] + 12 + sizeof start, 0x55, sizeof key);
            if (frame % (2 * FPS) == 0) memcpy(data[0] + 12 + sizeof start, key, sizeof key);
            else memcpy(data[0] + 12 + sizeof start, slice, sizeof slice);
            for (int at = 0; at < size;) {
                int done = sendmmsg(s, head + at, size - at, 0);
                if (done <= 0) break;
                at += done, sent += done;
            }
        }
    printf("%lu\n", sent);
    return 0;
}

/* sink: prints its port, counts datagrams until SIGTERM, prints the count */
static int sink(void) {
    static uint8_t data[BATCH][64];
    struct iovec iov[BATCH];
    struct mmsghdr head[BATCH];
    struct timeval wait = {0, 100000};
    unsigned long count = 0;
    int s = udp(0, 1 << 25);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    printf("%d\n", port_of(s));
    fflush(stdout);
    memset(head, 0, sizeof head);
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){data[i], sizeof data[i]};
        head[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    }
    while (!ended) {
        int got = recvmmsg(s, head, BATCH, MSG_WAITFORONE, NULL);
        if (got > 0) count += got;
    }
    printf("%lu\n", count);
    return 0;
}

/* Sends `count` packets of one stream, as one message cut by the kernel where it can do that. */
static int pass_on(int s, struct iovec *iov, int count, struct sockaddr_in *to, int *segmented) {
    int sent = 0;
    while (sent < count) {
        int some = count - sent < MAX_SEGMENTS ? count - sent : MAX_SEGMENTS;
        char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
        struct msghdr m = {.msg_name = to, .msg_namelen = sizeof *to, .msg_iov = iov + sent, .msg_iovlen = some};
        if (!*segmented) m.msg_iovlen = some = 1;
        else if (some > 1) {
            m.msg_control = control, m.msg_controllen = sizeof control;
            struct cmsghdr *c = CMSG_FIRSTHDR(&m);
            c->cmsg_level = SOL_UDP, c->cmsg_type = UDP_SEGMENT, c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
            *(uint16_t *)CMSG_DATA(c) = PACKET;
        }
        if (sendmsg(s, &m, 0) < 0 && some > 1) { *segmented = 0; continue; }
        sent += some;
    }
    return sent;
}

/* relay STREAMS SINK_PORT: prints a port per stream, forwards with another SSRC and sequence until SIGTERM */
static int relay(int argc, char **argv) {
    int streams = atoi(argv[0]), epoll = epoll_create1(0), segmented = 1;
    static uint8_t data[BATCH][2048];
    struct iovec iov[BATCH], out_iov[BATCH];
    struct mmsghdr head[BATCH];
    struct epoll_event ready[1024];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    unsigned long count = 0;
    int *in = calloc(streams, sizeof *in), *out = calloc(streams, sizeof *out);
    (void)argc;
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    for (int n = 0; n < streams; n++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = n};
        in[n] = udp(0, 1 << 21), out[n] = udp(0, 1 << 16);
        epoll_ctl(epoll, EPOLL_CTL_ADD, in[n], &e);
        printf("%d ", port_of(in[n]));
    }
    printf("\n");
    fflush(stdout);
    memset(head, 0, sizeof head);
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){data[i], sizeof data[i]};
        head[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    }
    while (!ended) {
        int some = epoll_wait(epoll, ready, 1024, 100);
        if (some <= 0) continue;
        until(now() + 0.002);
        some = epoll_wait(epoll, ready, 1024, 0);
        for (int r = 0; r < some; r++) {
            uint32_t n = ready[r].data.u32, ssrc = htonl(9000 + n);
            int got = recvmmsg(in[n], head, BATCH, MSG_DONTWAIT, NULL);
            for (int i = 0; i < got; i++) {
                uint16_t sequence;
                memcpy(&sequence, data[i] + 2, 2);
                sequence = htons(ntohs(sequence) + 77);
                memcpy(data[i] + 2, &sequence, 2);
                memcpy(data[i] + 8, &ssrc, 4);
                out_iov[i] = (struct iovec){data[i], head[i].msg_len};
            }
            if (got > 0) count += pass_on(out[n], out_iov, got, &to, &segmented);
        }
    }
    printf("%lu\n", count);
    return 0;
}

int main(int argc, char **argv) {
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    if (argc >= 5 && !strcmp(argv[1], "load")) return load(argc - 2, argv + 2);
    if (argc == 2 && !strcmp(argv[1], "sink")) return sink();
    if (argc == 4 && !strcmp(argv[1], "relay")) return relay(argc - 2, argv + 2);
    fprintf(stderr, "load | sink | relay\n");
    return 2;
}
