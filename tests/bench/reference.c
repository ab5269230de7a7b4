/* A minimal finger server without people, to compare with. It accepts a connection, reads up to the end of a line,
 * sends the same answer to every client and closes. One thread, epoll.    reference PORT BYTES */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BACKLOG = 4096 };

static void serve(int client, const char *answer, size_t size) {
    char line[1024];
    ssize_t got = recv(client, line, sizeof line, 0);
    if (got < 0 || (got > 0 && memchr(line, '\n', (size_t)got) == NULL))
        return; /* incomplete line */
    if (got > 0 && send(client, answer, size, MSG_NOSIGNAL) < 0)
        perror("send");
    close(client);
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

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, BACKLOG) != 0) {
        perror("listen");
        return 1;
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.fd != listener) {
                serve(ready[i].data.fd, answer, size);
                continue;
            }
            int client;
            while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                event.data.fd = client;
                epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
            }
        }
    }
}
