/* Send queries to a finger server on loopback: the lines of standard input in turn, repeated as needed, AT_ONCE in
 * parallel, TOTAL in all. Print the microseconds of each (from connect to the close by the server), one per line, in
 * the order of the queries. Exit 1 if a query got no answer.    load PORT AT_ONCE TOTAL <QUERIES */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 4096, EVENTS = 256, TIMEOUT_MS = 10000 };

struct connection {
    long number, bytes;
    double since;
    int sent;
};

static struct connection connections[MAX_CONNECTIONS];
static struct sockaddr_in server;
static char **queries;
static double *durations;
static long query_count, begun, done, total, lost;
static int epoll;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void begin(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || fd >= MAX_CONNECTIONS) {
        perror("socket");
        exit(1);
    }
    connections[fd] = (struct connection){.number = begun++, .since = now()};
    connect(fd, (struct sockaddr *)&server, sizeof server);
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void end(int fd, int answered) {
    durations[connections[fd].number] = now() - connections[fd].since;
    lost += !answered || connections[fd].bytes == 0;
    close(fd);
    done++;
    if (begun < total)
        begin();
}

static void step(int fd) {
    struct connection *connection = &connections[fd];
    if (!connection->sent) {
        const char *query = queries[connection->number % query_count];
        ssize_t size = (ssize_t)strlen(query);
        if (send(fd, query, (size_t)size, MSG_NOSIGNAL) != size) {
            end(fd, 0);
            return;
        }
        connection->sent = 1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
        return;
    }
    char buffer[65536];
    ssize_t got;
    while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
        connection->bytes += got;
    if (got == 0)
        end(fd, 1);
    else if (errno != EAGAIN)
        end(fd, 0);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "load PORT AT_ONCE TOTAL <QUERIES\n");
        return 2;
    }
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    long at_once = atol(argv[2]);
    total = atol(argv[3]);
    durations = calloc((size_t)total, sizeof *durations);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        if ((query_count & (query_count - 1)) == 0)
            queries = realloc(queries, (size_t)(query_count ? 2 * query_count : 1) * sizeof *queries);
        line[length - 1] = '\0';
        if (asprintf(&queries[query_count++], "%s\r\n", line) < 0)
            return 1;
    }
    epoll = epoll_create1(0);
    for (long i = 0; i < at_once && i < total; i++)
        begin();
    struct epoll_event ready[EVENTS];
    while (done < total) {
        int count = epoll_wait(epoll, ready, EVENTS, TIMEOUT_MS);
        if (count <= 0) {
            fprintf(stderr, "no answer for %d s; %ld of %ld are done\n", TIMEOUT_MS / 1000, done, total);
            return 1;
        }
        for (int i = 0; i < count; i++)
            step(ready[i].data.fd);
    }
    for (long i = 0; i < total; i++)
        printf("%.2f\n", durations[i]);
    if (lost)
        fprintf(stderr, "%ld of %ld got no answer\n", lost, total);
    return lost != 0;
}
