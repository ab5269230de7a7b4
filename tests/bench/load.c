/* Asks a finger server on loopback: the lines of standard input in turn, over again when they run out, AT_ONCE at a time,
 * TOTAL of them. Writes the microseconds that each took (from connect to the server's close), one a line, in the order of
 * the questions. Exits 1 where a question got no answer.    load PORT AT_ONCE TOTAL <QUERIES */
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

enum { MOST = 4096, EVENTS = 256, PATIENCE = 10000 };

struct asking {
    long number, bytes;
    double since;
    int sent;
};

static struct asking askings[MOST];
static struct sockaddr_in server;
static char **queries;
static double *took;
static long known, begun, done, total, lost;
static int watch;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void begin(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || fd >= MOST) {
        perror("socket");
        exit(1);
    }
    askings[fd] = (struct asking){.number = begun++, .since = now()};
    connect(fd, (struct sockaddr *)&server, sizeof server);
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    epoll_ctl(watch, EPOLL_CTL_ADD, fd, &event);
}

static void end(int fd, int well) {
    took[askings[fd].number] = now() - askings[fd].since;
    lost += !well || askings[fd].bytes == 0;
    close(fd);
    done++;
    if (begun < total)
        begin();
}

static void step(int fd) {
    struct asking *one = &askings[fd];
    if (!one->sent) {
        const char *query = queries[one->number % known];
        ssize_t size = (ssize_t)strlen(query);
        if (send(fd, query, (size_t)size, MSG_NOSIGNAL) != size) {
            end(fd, 0);
            return;
        }
        one->sent = 1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(watch, EPOLL_CTL_MOD, fd, &event);
        return;
    }
    char buffer[65536];
    ssize_t got;
    while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
        one->bytes += got;
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
    took = calloc((size_t)total, sizeof *took);
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, stdin)) > 0) {
        if ((known & (known - 1)) == 0)
            queries = realloc(queries, (size_t)(known ? 2 * known : 1) * sizeof *queries);
        line[length - 1] = '\0';
        if (asprintf(&queries[known++], "%s\r\n", line) < 0)
            return 1;
    }
    watch = epoll_create1(0);
    for (long i = 0; i < at_once && i < total; i++)
        begin();
    struct epoll_event ready[EVENTS];
    while (done < total) {
        int count = epoll_wait(watch, ready, EVENTS, PATIENCE);
        if (count <= 0) {
            fprintf(stderr, "no answer for %d s; %ld of %ld are done\n", PATIENCE / 1000, done, total);
            return 1;
        }
        for (int i = 0; i < count; i++)
            step(ready[i].data.fd);
    }
    for (long i = 0; i < total; i++)
        printf("%.2f\n", took[i]);
    if (lost)
        fprintf(stderr, "%ld of %ld got no answer\n", lost, total);
    return lost != 0;
}
