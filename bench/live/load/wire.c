// Sockets, TLS and WebSocket frames of the load client.
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifdef WITH_TLS
static SSL_CTX *tls_settings;
#endif

int64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * SECOND + at.tv_nsec;
}

void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(1);
}

void *more(void *old, size_t count, size_t size) {
    void *memory = reallocarray(old, count ? count : 1, size);
    if (!memory) fail("the load client has no memory left");
    return memory;
}

// --- bytes in and out -------------------------------------------------------------------

ssize_t receive(Member *member, void *into, size_t room) {
#ifdef WITH_TLS
    if (over_tls) {
        int count = SSL_read(member->tls, into, (int)room);
        if (count > 0) return count;
        int error = SSL_get_error(member->tls, count);
        errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
        return errno == EAGAIN ? -1 : 0;
    }
#endif
    return read(member->fd, into, room);
}

// What a member says is short: it fits into the socket's buffer, or the connection is gone.
static void transmit(Member *member, const void *bytes, size_t count) {
#ifdef WITH_TLS
    if (over_tls) {
        if (SSL_write(member->tls, bytes, (int)count) <= 0) errno = EPIPE;
        return;
    }
#endif
    if (write(member->fd, bytes, count) != (ssize_t)count && errno == EAGAIN) fail("a socket took no more bytes");
}

// A masked frame (RFC 6455, section 5.2).
void send_frame(Member *member, int opcode, const void *payload, size_t length) {
    static const unsigned char mask[4] = {0x5a, 0x17, 0xc3, 0x2e};
    unsigned char frame[LINE_BYTES];
    size_t head = 2;
    if (length > sizeof frame - 8) fail("a message of %zu bytes is too long for the load client", length);
    frame[0] = (unsigned char)(0x80 | opcode);
    if (length < 126) {
        frame[1] = (unsigned char)(0x80 | length);
    } else {
        frame[1] = 0x80 | 126;
        frame[2] = (unsigned char)(length >> 8);
        frame[3] = (unsigned char)length;
        head = 4;
    }
    memcpy(frame + head, mask, 4);
    head += 4;
    for (size_t i = 0; i < length; i++) frame[head + i] = ((const unsigned char *)payload)[i] ^ mask[i & 3];
    transmit(member, frame, head + length);
}

void say(Member *member, const char *format, ...) {
    char text[LINE_BYTES];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    send_frame(member, OP_TEXT, text, (size_t)length);
}

void listen_for(Member *member, uint32_t what, int how) {
    struct epoll_event event = {.events = what, .data.u32 = (uint32_t)(member - members)};
    epoll_ctl(poller, how, member->fd, &event);
}

void drop(Member *member) {
    if (member->stage == CLOSED) return;
    if (member->stage != READY) in_flight--;
    member->stage = CLOSED;
    member->rest_bytes = 0;
#ifdef WITH_TLS
    if (member->tls) SSL_free(member->tls);
    member->tls = NULL;
#endif
    close(member->fd);
}

// --- connecting -------------------------------------------------------------------------

// Each member comes from an address of its own, as tablets do: 127.1.0.0 and on.
void start(Member *member) {
    uint32_t number = (uint32_t)(member - members);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010000u + number)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    member->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (member->fd < 0) fail("no socket for member %u: %s", number, strerror(errno));
    int one = 1;
    setsockopt(member->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(member->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(member->fd, (void *)&from, sizeof from)) fail("member %u has no address: %s", number, strerror(errno));
    if (connect(member->fd, (void *)&to, sizeof to) && errno != EINPROGRESS) fail("connect: %s", strerror(errno));
    member->stage = CONNECTING;
    in_flight++;
    listen_for(member, EPOLLOUT, EPOLL_CTL_ADD);
}

static void ask_upgrade(Member *member) {
    char request[512];
    int length = snprintf(request, sizeof request,
                          "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                          "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", port);
    member->stage = UPGRADING;
    listen_for(member, EPOLLIN, EPOLL_CTL_MOD);
    transmit(member, request, (size_t)length);
}

void shake_hands(Member *member) {
#ifdef WITH_TLS
    if (!tls_settings) {
        tls_settings = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(tls_settings, SSL_MODE_RELEASE_BUFFERS);
    }
    if (!member->tls) {
        member->stage = SHAKING;
        member->tls = SSL_new(tls_settings);
        SSL_set_fd(member->tls, member->fd);
    }
    int done = SSL_connect(member->tls);
    if (done == 1) {
        ask_upgrade(member);
        return;
    }
    int wants = SSL_get_error(member->tls, done);
    if (wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE)
        listen_for(member, wants == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT, EPOLL_CTL_MOD);
    else
        drop(member);
#else
    fail("this load client was built without TLS (member %ld)", (long)(member - members));
#endif
}

void connected(Member *member) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(member->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        drop(member);
    else if (over_tls)
        shake_hands(member);
    else
        ask_upgrade(member);
}
