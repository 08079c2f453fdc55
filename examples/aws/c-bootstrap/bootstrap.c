/* A Lambda function in C without any library: it speaks the Runtime API over a plain socket. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (1 << 20)

static char buffer[ROOM];

/* Send one request, read the whole answer into `buffer`; give its body. */
static char *ask(const char *method, const char *path, const char *body) {
    char host[256];
    snprintf(host, sizeof host, "%s", getenv("AWS_LAMBDA_RUNTIME_API"));
    char *port = strrchr(host, ':');
    if (port == NULL) exit(1);
    *port++ = '\0';
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, port, &hints, &found) != 0) exit(1);
    int line = socket(found->ai_family, found->ai_socktype, 0);
    if (connect(line, found->ai_addr, found->ai_addrlen) != 0) exit(1);
    freeaddrinfo(found);
    dprintf(line, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
            method, path, host, strlen(body), body);
    size_t size = 0;
    ssize_t got;
    while (size < ROOM - 1 && (got = read(line, buffer + size, ROOM - 1 - size)) > 0) {
        size += (size_t)got;
        buffer[size] = '\0';
        /* The API may keep the connection: the length says when all is here. */
        char *end = strstr(buffer, "\r\n\r\n"), *length = strcasestr(buffer, "content-length:");
        if (end && length && length < end && size >= (size_t)(end + 4 - buffer) + strtoul(length + 15, NULL, 10))
            break;
    }
    close(line);
    char *end = strstr(buffer, "\r\n\r\n");
    return end ? end + 4 : buffer + size;
}

int main(void) {
    const char *base = "/2018-06-01/runtime/invocation";
    char path[256], id[128], answer[256];
    for (;;) {
        snprintf(path, sizeof path, "%s/next", base);
        char *event = ask("GET", path, "");
        char *header = strcasestr(buffer, "lambda-runtime-aws-request-id:");
        if (header == NULL || sscanf(header + 30, " %127[^\r\n]", id) != 1) return 1;
        unsigned long bytes = strlen(event), sum = 0;
        for (char *at = event; *at; at++) sum += (unsigned char)*at;
        snprintf(answer, sizeof answer, "{\"language\": \"C\", \"bytes\": %lu, \"sum\": %lu}", bytes, sum);
        snprintf(path, sizeof path, "%s/%s/response", base, id);
        ask("POST", path, answer);
    }
}
