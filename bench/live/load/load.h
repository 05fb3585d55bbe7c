// What the parts of the load client share: its members, what they have heard, and the sockets they hear it on.
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

#define NAMESPACE "/kitchen"
#define SECOND 1000000000LL
enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, LINE_BYTES = 4096 };

typedef enum { CLOSED, CONNECTING, SHAKING, UPGRADING, OPENING, ADMITTING, READY } Stage;

typedef struct {
    const char *stream;
    long members;
    uint32_t *heard;  // by seq: how many members have it
    long capacity;
} Room;

typedef struct {
    int fd;
    Stage stage;
    Room *room;
    const char *token;
    long epoch, seq;  // the last event that came; seq is -1 before the first subscription
    unsigned char *rest;
    size_t rest_bytes;
#ifdef WITH_TLS
    SSL *tls;
#endif
} Member;

typedef struct {
    long room, seq;
    int64_t at;
} Complete;  // the moment when the last member of a room got an event

// What was asked for.
extern Room *rooms;
extern Member *members;
extern long room_count, member_count;
extern int poller, port;
extern bool over_tls;
extern bool resuming;    // members that connect name their cursor

// What came of it.
extern Complete *complete;
extern long complete_count;
extern long in_flight;   // connections and subscriptions that wait for an answer
extern long subscribed, delivered, gaps, repeats;
extern long lost;        // connections that the server ended
extern long event_bytes; // of the last event

// wire.c: sockets, TLS, frames.
int64_t now(void);
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *more(void *old, size_t count, size_t size);
void start(Member *member);
void connected(Member *member);
void shake_hands(Member *member);
ssize_t receive(Member *member, void *into, size_t room);
void send_frame(Member *member, int opcode, const void *payload, size_t length);
void say(Member *member, const char *format, ...) __attribute__((format(printf, 2, 3)));
void listen_for(Member *member, uint32_t what, int how);
void drop(Member *member);

// protocol.c: what the server says.
void read_all(Member *member);
