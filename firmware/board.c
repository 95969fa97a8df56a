/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reset, faults, stack painting, and output by semihosting: QEMU (-semihosting-config enable=on) or a debug probe. */
#include "board.h"

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[];
extern uint32_t stack_bottom[], stack_top[];

int main(void);
_Noreturn void reset_handler(void);
_Noreturn void fault_handler(void);

static const uint32_t PAINT = 0x5AFE57ACu;
/* Words below the painter that it needs itself. */
static const size_t MARGIN = 8;

static uint32_t *painted_at;
static size_t deepest;

/* --- semihosting: SYS_WRITE0, SYS_EXIT_EXTENDED ------------------------------------------------------------------ */

static uint32_t semihost(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_write(const char *text) { semihost(0x04, text); }

void board_write_unsigned(uint32_t value) {
    char text[11];
    size_t at = sizeof text - 1;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    board_write(text + at);
}

_Noreturn void board_exit(int status) {
    const uint32_t block[2] = {0x20026u /* ADP_Stopped_ApplicationExit */, (uint32_t)status};
    semihost(0x20, block);
    for (;;) {
    }
}

/* --- stack --------------------------------------------------------------------------------------------------------- */

static uint32_t *stack_pointer(void) {
    uint32_t *sp;
    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

static size_t lowest_written(void) {
    const volatile uint32_t *p = stack_bottom;
    while (p < painted_at && *p == PAINT) {
        p++;
    }
    return (size_t)((uintptr_t)p);
}

size_t stack_deepest(void) {
    /* Before the first painting nothing is known. */
    if (painted_at == NULL) {
        return 0;
    }
    const size_t used = (size_t)(uintptr_t)stack_top - lowest_written();
    if (used > deepest) {
        deepest = used;
    }
    return deepest;
}

__attribute__((noinline)) void stack_paint(void) {
    stack_deepest();
    uint32_t *const sp = stack_pointer();
    for (volatile uint32_t *p = stack_bottom; p < sp - MARGIN; p++) {
        *p = PAINT;
    }
    painted_at = sp;
}

size_t stack_used(void) {
    const size_t lowest = lowest_written(), top = (size_t)(uintptr_t)painted_at;
    return lowest < top ? top - lowest : 0;
}

/* --- start and faults ---------------------------------------------------------------------------------------------- */

_Noreturn void reset_handler(void) {
    for (uint32_t *to = data_start, *from = data_load; to < data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end;) {
        *to++ = 0;
    }
    stack_paint();
    board_exit(main());
}

_Noreturn void fault_handler(void) {
    board_write("FAULT: configurable fault status ");
    board_write_unsigned(*(volatile uint32_t *)0xE000ED28u);
    board_write(", address ");
    board_write_unsigned(*(volatile uint32_t *)0xE000ED38u);
    board_write("\n");
    board_exit(3);
}

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *initial_stack;
    void (*handlers[15])(void);
} vectors = {
    stack_top,
    {
        reset_handler,
        fault_handler, /* NMI */
        fault_handler, /* HardFault */
        fault_handler, /* MemManage */
        fault_handler, /* BusFault */
        fault_handler, /* UsageFault */
        fault_handler, fault_handler, fault_handler, fault_handler,
        fault_handler, /* SVCall */
        fault_handler, /* DebugMonitor */
        fault_handler,
        fault_handler, /* PendSV */
        fault_handler, /* SysTick */
    },
};
