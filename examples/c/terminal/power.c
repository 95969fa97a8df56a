/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What happens to a device: the power goes, somebody puts back an old chip, somebody opens the case. */
#include "flash.h"
#include "scene.h"

static void comes_back(void)
{
    static const uint32_t in[] = {OPERATOR};

    must(terminal_start(&terminal), PAYHSM_OK, "the terminal starts again");
    check(state() == PAYHSM_STATE_OPERATIONAL, "as what it was");
    they_log_in(in, 1);
    must(terminal_take_up(&terminal), PAYHSM_OK, "its keys are looked for");
    check(terminal.group != 0 && terminal.kbpk != 0, "and are there");
}

static void signs_on(void)
{
    static const uint32_t in[] = {REMOTE_HOST, AUDITOR};

    they_log_in(in, 2);
    must(terminal_sign_on(&terminal), PAYHSM_OK, "it signs on");
}

/* A sale, in which the power may go; then another one. */
static void sale_in_the_dark(void)
{
    uint8_t result;
    payhsm_status_t status = sale("1234", &result);

    if (flash_is_dark()) {
        check(status != PAYHSM_OK, "the power goes in a sale");
        platform_power_returns();
        comes_back();
        if (terminal_log_room(&terminal) < 16) {
            signs_on();
            the_log_is_read();
        }
        status = sale("1234", &result);
    }
    flash_cut_after(UINT32_MAX);
    must(status, PAYHSM_OK, "a sale under a KSN that was never used");
    check(result == RESULT_APPROVED, "approved");
}

/* The power goes in sale after sale, each time some operations of the flash later; and in the middle of erasures. */
void power(void)
{
    enum { SALES = 16, ERASURES = 2 };
    uint32_t i;

    for (i = 0; i < SALES; i++) {
        flash_cut_after(i % 4);
        sale_in_the_dark();
    }
    check(flash_torn_programs() > SALES / 4, "in the middle of programs");
    for (i = 0; i < 32 && flash_torn_erasures() < ERASURES; i++) {
        flash_cut_at_erasure();
        sale_in_the_dark();
    }
    check(flash_torn_erasures() == ERASURES, "and of erasures");
    out_text("      programs cut off: ");
    out_number(flash_torn_programs());
    out_text(", erasures: ");
    out_number(flash_torn_erasures());
    out_text("\n");
    must(payhsm_close(terminal.hsm), PAYHSM_OK, "it is turned off");
    comes_back();
    signs_on();
    the_log_is_read();
    inquiry();
}

/* Somebody has copied the chip in the morning, and would like to have the KSNs since then once more. */
void rollback(void)
{
    uint8_t result;

    flash_copy();
    must(sale("1234", &result), PAYHSM_OK, "a sale");
    must(payhsm_close(terminal.hsm), PAYHSM_OK, "it is turned off");
    flash_swap();
    must(terminal_start(&terminal), PAYHSM_OK, "an older chip");
    check(state() == PAYHSM_STATE_TAMPERED, "is seen, by the counter");
    must(terminal_log_in(&terminal, OPERATOR), PAYHSM_ERR_TAMPERED, "nobody works with it");
    must(payhsm_close(terminal.hsm), PAYHSM_OK, "it is turned off");
    flash_swap();
    comes_back();
    must(sale("1234", &result), PAYHSM_OK, "with its own chip it goes on");
    check(result == RESULT_APPROVED, "approved");
}

void tamper(void)
{
    uint8_t result;

    must(payhsm_tamper_signal(terminal.hsm), PAYHSM_OK, "the case is opened: an interrupt");
    check(state() == PAYHSM_STATE_TAMPERED, "the keys are gone");
    must(sale("1234", &result), PAYHSM_ERR_TAMPERED, "nothing is sold");
    must(terminal_log_in(&terminal, OPERATOR), PAYHSM_ERR_TAMPERED, "nothing else works either");
    must(terminal_last_log(&terminal, &result), PAYHSM_OK, "but the log can be read");
    check(result == RESULT_TAMPER, "and it says what happened, verified by its reader");
    must(payhsm_close(terminal.hsm), PAYHSM_OK, "it is turned off");
    must(terminal_start(&terminal), PAYHSM_OK, "and on");
    check(state() == PAYHSM_STATE_TAMPERED, "it stays so");

    platform_people_present(0);
    must(payhsm_reinitialise(terminal.hsm), PAYHSM_ERR_REFUSED, "it is not made anew in passing");
    platform_people_present(1);
    must(payhsm_reinitialise(terminal.hsm), PAYHSM_OK, "in the workshop it is");
    must(payhsm_close(terminal.hsm), PAYHSM_OK, "it is turned off");
    must(terminal_start(&terminal), PAYHSM_OK, "and on");
    check(state() == PAYHSM_STATE_VIRGIN, "a new terminal, without keys and users");
    must(terminal_take_up(&terminal), PAYHSM_OK, "its keys are looked for");
    check(terminal.group == 0 && terminal.kbpk == 0, "there is none");
    must(payhsm_close(terminal.hsm), PAYHSM_OK, "the end");
}
