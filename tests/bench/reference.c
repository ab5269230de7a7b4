/* The yardstick: a finger server that knows nobody. It takes a connection, reads up to the end of a line, sends the same
 * answer to everyone and closes. One thread, epoll.    reference PORT BYTES */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BACKLOG = 4096 };

static void serve(int asker, const char *answer, size_t size) {
    char line[1024];
    ssize_t got = recv(asker, line, sizeof line, 0);
    if (got < 0 || (got > 0 && memchr(line, '\n', (size_t)got) == NULL))
        return; /* more is to come */
    if (got > 0 && send(asker, answer, size, MSG_NOSIGNAL) < 0)
        perror("send");
    close(asker);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "reference PORT BYTES\n");
        return 2;
    }
    size_t size = (size_t)atol(argv[2]);
    char *answer = malloc(size + 2);
    memset(answer, '.', size);
    memcpy(answer + (size > 2 ? size - 2 : 0), "\r\n", 2);

    int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(door, (struct sockaddr *)&here, sizeof here) != 0 || listen(door, BACKLOG) != 0) {
        perror("listen");
        return 1;
    }
    int watch = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = door}, ready[EVENTS];
    epoll_ctl(watch, EPOLL_CTL_ADD, door, &event);
    for (;;) {
        int count = epoll_wait(watch, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.fd != door) {
                serve(ready[i].data.fd, answer, size);
                continue;
            }
            int asker;
            while ((asker = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                event.data.fd = asker;
                epoll_ctl(watch, EPOLL_CTL_ADD, asker, &event);
            }
        }
    }
}
