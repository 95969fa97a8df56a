/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The terminal on a host, with the acquirer in the same program.
 *
 *   terminal [FILE]    writes every request and its answer to FILE, as a C header for the image of the controller
 */
#include <stdio.h>
#include <stdlib.h>

#include "acquirer.h"
#include "terminal.h"

int line_exchange(const message_t *request, message_t *response);

static FILE *record;

static void write_bytes(const uint8_t *bytes, size_t len)
{
    size_t i;

    fprintf(record, "    %u, %u,", (unsigned)(len >> 8), (unsigned)(len & 255));
    for (i = 0; i < len; i++) {
        fprintf(record, "%s%u,", i % 24 == 0 ? "\n    " : " ", bytes[i]);
    }
    fputs("\n", record);
}

/* A request that the acquirer does not answer is recorded with an empty answer. */
int line_exchange(const message_t *request, message_t *response)
{
    const int none = acquirer_answer(request, response);

    if (record != NULL) {
        write_bytes(request->bytes, request->len);
        write_bytes(response->bytes, none ? 0 : response->len);
    }
    return none;
}

void out_text(const char *text)
{
    fputs(text, stdout);
}

void out_number(uint32_t number)
{
    printf("%lu", (unsigned long)number);
}

void out_bytes(const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        printf("%02X", bytes[i]);
    }
}

void out_stop(const char *why)
{
    fflush(stdout);
    fprintf(stderr, "terminal: %s\n", why);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    int status;

    if (payhsm_abi_version() != PAYHSM_ABI_VERSION) {
        out_stop("header and library differ");
    }
    if (argc > 1) {
        record = fopen(argv[1], "w");
        if (record == NULL) {
            perror(argv[1]);
            return EXIT_FAILURE;
        }
        fputs("/* Requests and answers of the host's run: length and bytes of each. */\n"
              "static const unsigned char RECORDED[] = {\n", record);
    }
    acquirer_start();
    status = day_play();
    acquirer_stop();
    if (record != NULL) {
        fputs("};\n", record);
        if (fclose(record) != 0) {
            perror(argv[1]);
            return EXIT_FAILURE;
        }
    }
    puts("terminal: the day is over");
    return status;
}
