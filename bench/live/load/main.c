// The load client: many Socket.IO members over raw WebSockets, one thread and one epoll, told what to do line by line.
//
// A program in C, because a client library of any kind would use more CPU than the server that is measured.
// usage: load PORT TLS MEMBERS_FILE, TLS being 0 or 1. The file names the rooms, then the members (read_members).
// Every line on standard input is a command (run_command), answered with one line of JSON on standard output.
// What went wrong is said on standard error, and the program ends with 1.
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { STDIN_FILE = 0, STDIN_MARK = UINT32_MAX, EVENTS_AT_ONCE = 512 };

Room *rooms;
Member *members;
long room_count, member_count;
int poller, port;
bool over_tls, resuming;
Complete *complete;
long complete_count, in_flight, subscribed, delivered, gaps, repeats, lost, event_bytes;

// One round; true when there is something to read on standard input.
static bool turn(int milliseconds) {
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(poller, events, EVENTS_AT_ONCE, milliseconds);
    bool told = false;
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 == STDIN_MARK) {
            told = true;
            continue;
        }
        Member *member = &members[events[i].data.u32];
        if (member->stage == CONNECTING)
            connected(member);
        else if (member->stage == SHAKING)
            shake_hands(member);
        else if (member->stage != CLOSED)
            read_all(member);
    }
    return told;
}

static long count_of(Stage stage) {
    long count = 0;
    for (long i = 0; i < member_count; i++) count += members[i].stage == stage;
    return count;
}

// A minute, and 50 ms for each member: whoever is slower than that is stuck.
static int64_t patience(void) {
    return 60 * SECOND + member_count * (SECOND / 20);
}

// Connect every member that is closed, so many at once; those that fail stay closed. A resuming one names its cursor.
static void connect_all(long at_once, bool resume) {
    int64_t began = now();
    resuming = resume;
    for (long next = 0; next < member_count || in_flight;) {
        for (; next < member_count && in_flight < at_once; next++) {
            if (members[next].stage == CLOSED) start(&members[next]);
        }
        turn(1000);
        if (now() - began > patience()) fail("only %ld members are connected by now", count_of(READY));
    }
    printf("{\"count\":%ld,\"seconds\":%.6f}\n", count_of(READY), (double)(now() - began) / SECOND);
}

static void subscribe_all(long at_once) {
    int64_t began = now();
    subscribed = 0;
    for (long next = 0; next < member_count || in_flight;) {
        for (; next < member_count && in_flight < at_once; next++) {
            if (members[next].stage != READY) fail("member %ld is not connected", next);
            in_flight++;
            say(&members[next], "42" NAMESPACE ",1[\"subscribe\",{\"stream\":\"%s\"}]", members[next].room->stream);
        }
        turn(1000);
        if (now() - began > patience()) fail("only %ld members are subscribed by now", subscribed);
    }
    printf("{\"count\":%ld,\"seconds\":%.6f}\n", subscribed, (double)(now() - began) / SECOND);
}

// Close so many sockets without a word, as a cut cable does.
static void cut(long count) {
    long done = 0;
    for (long i = 0; i < member_count && done < count; i++) {
        if (members[i].stage == CLOSED) continue;
        drop(&members[i]);
        done++;
    }
    printf("{\"count\":%ld,\"seconds\":0}\n", done);
}

static void wait_for(long events, double seconds) {
    int64_t until = now() + (int64_t)(seconds * SECOND);
    while (complete_count < events && now() < until) turn(20);
    printf("{\"count\":%ld,\"seconds\":0}\n", complete_count);
}

static void report(void) {
    printf("{\"delivered\":%ld,\"gaps\":%ld,\"repeats\":%ld,\"lost\":%ld,\"ready\":%ld,\"eventBytes\":%ld,\"complete\":[",
           delivered, gaps, repeats, lost, count_of(READY), event_bytes);
    for (long i = 0; i < complete_count; i++)
        printf("%s[%ld,%ld,%lld]", i ? "," : "", complete[i].room, complete[i].seq, (long long)complete[i].at);
    printf("]}\n");
}

static void run_command(const char *line) {
    long count = 0, flag = 0;
    double seconds = 0;
    if (sscanf(line, "connect %ld %ld", &count, &flag) == 2) {
        connect_all(count, flag);
    } else if (sscanf(line, "subscribe %ld", &count) == 1) {
        subscribe_all(count);
    } else if (sscanf(line, "cut %ld", &count) == 1) {
        cut(count);
    } else if (sscanf(line, "wait %ld %lf", &count, &seconds) == 2) {
        wait_for(count, seconds);
    } else if (sscanf(line, "deaf %ld", &count) == 1) {
        for (long i = 0; i < count; i++) listen_for(&members[i], 0, EPOLL_CTL_MOD);
        printf("{\"count\":%ld,\"seconds\":0}\n", count);
    } else if (!strncmp(line, "report", 6)) {
        report();
    } else if (!strncmp(line, "clear", 5)) {
        complete_count = delivered = gaps = repeats = lost = 0;
        printf("{\"count\":0,\"seconds\":0}\n");
    } else {
        fail("the load client knows no command like: %s", line);
    }
    fflush(stdout);
}

static char *next_word(FILE *file) {
    char *word = NULL;
    if (fscanf(file, "%ms", &word) != 1) fail("the file of members ends too early");
    return word;
}

// How many rooms, the stream of each; how many members, the room and the token of each.
static void read_members(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail("cannot read %s", path);
    room_count = atol(next_word(file));
    rooms = more(NULL, (size_t)room_count, sizeof *rooms);
    memset(rooms, 0, (size_t)room_count * sizeof *rooms);
    for (long i = 0; i < room_count; i++) rooms[i].stream = next_word(file);
    member_count = atol(next_word(file));
    members = more(NULL, (size_t)member_count, sizeof *members);
    memset(members, 0, (size_t)member_count * sizeof *members);
    for (long i = 0; i < member_count; i++) {
        members[i].room = &rooms[atol(next_word(file))];
        members[i].room->members++;
        members[i].token = next_word(file);
        members[i].seq = -1;
    }
    fclose(file);
}

int main(int count, char **words) {
    char line[LINE_BYTES];
    if (count != 4) fail("usage: load PORT TLS MEMBERS_FILE");
    port = atoi(words[1]);
    over_tls = atoi(words[2]);
    read_members(words[3]);
    poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = STDIN_MARK};
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILE, &event);
    for (;;) {
        while (!turn(1000)) {
        }
        // Commands come one at a time, each after the answer to the one before: a line never hides in a buffer.
        if (!fgets(line, sizeof line, stdin)) return 0;
        epoll_ctl(poller, EPOLL_CTL_DEL, STDIN_FILE, NULL);
        run_command(line);
        epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILE, &event);
    }
}
