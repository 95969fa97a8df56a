/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The complete terminal (examples/c/terminal) on the controller. On the line is what the host's run has recorded: this
 * image must ask, byte for byte, what the terminal on the host has asked, and gets the answers of the acquirer there.
 */
#include <string.h>

#include "../../examples/c/terminal/terminal.h"
#include "../board.h"
#include "recorded.h"

int line_exchange(const message_t *request, message_t *response);

static size_t at, exchanges;

/* The next recorded message. */
static const uint8_t *next(size_t *len) {
    const uint8_t *bytes = RECORDED + at + 2;
    if (at + 2 > sizeof RECORDED) {
        out_stop("more is asked than on the host");
    }
    *len = (size_t)RECORDED[at] << 8 | RECORDED[at + 1];
    at += 2 + *len;
    return bytes;
}

int line_exchange(const message_t *request, message_t *response) {
    size_t len;
    const uint8_t *bytes = next(&len);
    if (len != request->len || memcmp(bytes, request->bytes, len) != 0) {
        out_stop("another request than on the host");
    }
    bytes = next(&len);
    memcpy(response->bytes, bytes, len);
    response->len = len;
    exchanges++;
    return len == 0;
}

void out_text(const char *text) { board_write(text); }

void out_number(uint32_t number) { board_write_unsigned(number); }

void out_bytes(const uint8_t *bytes, size_t len) {
    static const char digits[] = "0123456789ABCDEF";
    char text[3] = {0};
    for (size_t i = 0; i < len; i++) {
        text[0] = digits[bytes[i] >> 4];
        text[1] = digits[bytes[i] & 15];
        board_write(text);
    }
}

void out_stop(const char *why) {
    board_write("FAILED: ");
    board_write(why);
    board_write("\n");
    board_exit(1);
}

int main(void) {
    int status;
    if (payhsm_abi_version() != PAYHSM_ABI_VERSION) {
        out_stop("the header is not the library's");
    }
    status = day_play();
    if (at != sizeof RECORDED) {
        out_stop("less was asked than on the host");
    }
    board_write("terminal: the day is over, ");
    board_write_unsigned((uint32_t)exchanges);
    board_write(" exchanges as on the host; stack ");
    board_write_unsigned((uint32_t)stack_deepest());
    board_write(" bytes\n");
    return status;
}
