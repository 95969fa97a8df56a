/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs every operation once: what comes before it, a mark, the one call, a mark. Says what came out, to be compared with
 * another emulator. Built twice: with the operations, and with the controls (-DPROOF_CONTROLS). */
#include "../board.h"
#include "proof.h"

#ifndef PROOF_BEFORE
#define PROOF_BEFORE(operation)
#define PROOF_AFTER(operation, status)
#endif

static const struct operation *current;

void must(payhsm_status_t status) {
    if (status != PAYHSM_OK) {
        board_write(current->name);
        board_write(": making ready failed: ");
        board_write(payhsm_status_text(status));
        board_write("\n");
        board_exit(1);
    }
    PUBLIC(in.block, sizeof in.block);
}

_Noreturn void payhsm_unreachable_panic(void);
_Noreturn void payhsm_unreachable_panic(void) { board_exit(5); }

__attribute__((noipa)) void proof_begin(const struct operation *operation) { (void)operation; }
__attribute__((noipa)) void proof_end(payhsm_status_t status) { (void)status; }

static uint32_t digest(void) {
    uint32_t x = 2166136261u;
    const uint8_t *bytes = (const uint8_t *)&out;
    for (size_t i = 0; i < sizeof out; i++) {
        x = (x ^ bytes[i]) * 16777619u;
    }
    return x;
}

static void run(const struct operation *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        payhsm_status_t status;
        current = &list[i];
        PROOF_BEFORE(current);
        current->prepare();
        proof_begin(current);
        status = current->run();
        proof_end(status);
        PROOF_AFTER(current, status);
        board_write(current->name);
        board_write("\t");
        board_write_unsigned((uint32_t)-status);
        board_write("\t");
        board_write_unsigned(digest());
        board_write("\n");
        if (status != current->expected) {
            board_write("  that is: ");
            board_write(payhsm_status_text(status));
            board_write("\n");
        }
    }
}

int main(void) {
#ifdef PROOF_CONTROLS
    run(CONTROLS, CONTROLS_COUNT);
#else
    run(TERMINAL, TERMINAL_COUNT);
    run(HOST, HOST_COUNT);
    run(MODULE, MODULE_COUNT);
    run(REFUSALS, REFUSALS_COUNT);
#endif
    return 0;
}
