/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts instructions under QEMU with `-icount shift=10`: each takes 1024 ns, and timer 0 of the board counts 40 ns. */
#include <stdbool.h>

#include "../board.h"
#include "count.h"

/* CMSDK APB timer 0 of the mps2 boards, clocked with 25 MHz; counts down. */
#define TIMER_CONTROL (*(volatile uint32_t *)0x40000000u)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004u)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008u)

static uint32_t started, overhead;
static const char *name_of;
static bool quiet = true;

static uint32_t instructions(uint32_t ticks) { return (uint32_t)(((uint64_t)ticks * 40u + 512u) / 1024u); }

__attribute__((noipa)) void count_begin(const char *name) {
    name_of = name;
    started = TIMER_VALUE;
}

__attribute__((noipa)) void count_end(void) {
    const uint32_t ended = TIMER_VALUE;
    const uint32_t n = instructions(started - ended);
    if (quiet) {
        overhead = n;
        return;
    }
    board_write("count\t");
    board_write(name_of);
    board_write("\t");
    board_write_unsigned(n < overhead ? 0 : n - overhead);
    board_write("\n");
}

void count_same(const char *name) {
    board_write("same\t");
    board_write(name);
    board_write("\n");
}

void count_result(const uint8_t *bytes, size_t len) {
    static const char digits[] = "0123456789ABCDEF";
    char text[3] = {0};
    board_write("result\t");
    for (size_t i = 0; i < len; i++) {
        text[0] = digits[bytes[i] >> 4];
        text[1] = digits[bytes[i] & 15];
        board_write(text);
    }
    board_write("\n");
}

_Noreturn void count_panic(void) {
    board_write("panic\n");
    board_exit(1);
}

/* A hundred instructions with call and return, to see that they are counted as such. */
__attribute__((noipa)) static void hundred(void) { __asm__ volatile(".rept 98\n\tnop\n\t.endr"); }

int main(void) {
    TIMER_RELOAD = UINT32_MAX;
    TIMER_VALUE = UINT32_MAX;
    TIMER_CONTROL = 1;
    /* The first one translates the code. */
    for (unsigned i = 0; i < 2; i++) {
        count_begin("nothing");
        count_end();
    }
    quiet = false;
    count_begin("nothing");
    count_end();
    count_begin("a hundred");
    hundred();
    count_end();
    return COUNTED();
}
