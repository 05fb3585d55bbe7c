// What a server says to a member: the answer to the upgrade, frames, Engine.IO 4 and Socket.IO 5 packets, events.
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT "42" NAMESPACE ",[\"announcement\""
enum { BUFFER_BYTES = 1 << 18 };

static long complete_capacity, refused;

static long number_after(const unsigned char *text, size_t length, const char *name) {
    const unsigned char *found = memmem(text, length, name, strlen(name));
    return found ? strtol((const char *)found + strlen(name), NULL, 10) : -1;
}

static void note_complete(Room *room, long seq, int64_t at) {
    if (complete_count == complete_capacity) {
        complete_capacity = complete_capacity * 2 + 1024;
        complete = more(complete, (size_t)complete_capacity, sizeof *complete);
    }
    complete[complete_count++] = (Complete){room - rooms, seq, at};
}

// An event of a stream. Its envelope ends with epoch and seq, on both servers.
static void hear(Member *member, const unsigned char *text, size_t length) {
    size_t tail = length < 64 ? length : 64;
    long epoch = number_after(text + length - tail, tail, "\"epoch\":");
    long seq = number_after(text + length - tail, tail, "\"seq\":");
    Room *room = member->room;
    if (seq < 1) fail("an event without seq: %.*s", (int)length, text);
    delivered++;
    event_bytes = (long)length;
    if (seq <= member->seq) {
        repeats++;
        return;
    }
    if (member->seq >= 0 && seq != member->seq + 1) gaps++;
    member->epoch = epoch;
    member->seq = seq;
    if (seq >= room->capacity) {
        long wanted = seq * 2 + 1024;
        room->heard = more(room->heard, (size_t)wanted, sizeof *room->heard);
        memset(room->heard + room->capacity, 0, (size_t)(wanted - room->capacity) * sizeof *room->heard);
        room->capacity = wanted;
    }
    if (++room->heard[seq] == room->members) note_complete(room, seq, now());
}

static void admit(Member *member) {
    if (resuming && member->seq >= 0)
        say(member, "40" NAMESPACE ",{\"token\":\"%s\",\"cursors\":{\"%s\":{\"epoch\":%ld,\"seq\":%ld}}}",
            member->token, member->room->stream, member->epoch, member->seq);
    else
        say(member, "40" NAMESPACE ",{\"token\":\"%s\"}", member->token);
    member->stage = ADMITTING;
}

static void take_ack(Member *member, const unsigned char *text, size_t length) {
    if (!memmem(text, length, "\"ok\":true", 9)) fail("subscribe was refused: %.*s", (int)length, text);
    member->epoch = number_after(text, length, "\"epoch\":");
    member->seq = number_after(text, length, "\"head\":");
    subscribed++;
    in_flight--;
}

// One Engine.IO packet (revision 4) with a Socket.IO packet (revision 5) in it.
static void take_text(Member *member, const unsigned char *text, size_t length) {
    if (length == 1 && text[0] == '2') {
        send_frame(member, OP_TEXT, "3", 1);
    } else if (member->stage == OPENING && text[0] == '0') {
        admit(member);
    } else if (length > 2 && !memcmp(text, "40", 2)) {
        member->stage = READY;
        in_flight--;
    } else if (length > 2 && !memcmp(text, "44", 2)) {
        if (!refused++) fprintf(stderr, "refused: %.*s\n", (int)length, text);
        drop(member);
    } else if (length > 2 && !memcmp(text, "43", 2)) {
        take_ack(member, text, length);
    } else if (length > strlen(EVENT) && !memcmp(text, EVENT, strlen(EVENT))) {
        hear(member, text, length);
    } else if (length > 1 && !memcmp(text, "41", 2)) {
        lost++;
        drop(member);
    }
}

// Take the frames that are whole; answers how many bytes they were.
static size_t take_frames(Member *member, const unsigned char *bytes, size_t count) {
    size_t at = 0;
    while (member->stage != CLOSED && count - at >= 2) {
        size_t head = 2, length = bytes[at + 1] & 127;
        if (length == 126) {
            if (count - at < 4) break;
            length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
            head = 4;
        } else if (length == 127) {
            fail("a frame of more than 64 KB");
        }
        if (count - at < head + length) break;
        if (bytes[at] & 0x40) fail("a compressed frame: compression is off on both servers");
        int opcode = bytes[at] & 15;
        if (opcode == OP_TEXT) {
            take_text(member, bytes + at + head, length);
        } else if (opcode == OP_PING) {
            send_frame(member, OP_PONG, bytes + at + head, length);
        } else if (opcode == OP_CLOSE) {
            lost++;
            drop(member);
        }
        at += head + length;
    }
    return at;
}

static size_t take_upgrade(Member *member, const unsigned char *bytes, size_t count) {
    const unsigned char *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (!end) return 0;
    if (memcmp(bytes, "HTTP/1.1 101", 12)) {
        if (!refused++) fprintf(stderr, "not upgraded: %.*s\n", (int)count, bytes);
        drop(member);
        return 0;
    }
    member->stage = OPENING;
    return (size_t)(end - bytes) + 4;
}

void read_all(Member *member) {
    static unsigned char buffer[BUFFER_BYTES + 1];
    for (;;) {
        size_t count = member->rest_bytes, at = 0;
        if (count) memcpy(buffer, member->rest, count);
        ssize_t got = receive(member, buffer + count, BUFFER_BYTES - count);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            lost++;
            drop(member);
            return;
        }
        count += (size_t)got;
        buffer[count] = 0;
        if (member->stage == UPGRADING) at = take_upgrade(member, buffer, count);
        if (member->stage >= OPENING) at += take_frames(member, buffer + at, count - at);
        if (member->stage == CLOSED) return;
        member->rest_bytes = count - at;
        if (member->rest_bytes) {
            member->rest = more(member->rest, member->rest_bytes, 1);
            memcpy(member->rest, buffer + at, member->rest_bytes);
        }
        if (!over_tls && count < BUFFER_BYTES) return;  // level-triggered: what is left comes with the next round
    }
}
