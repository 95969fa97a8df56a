/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From a new device to one that works: self-tests, ceremony, users, keys. */
#include "scene.h"

#include <string.h>

void self_tests(void)
{
    payhsm_self_test_report_t report;
    uint8_t kcv[PAYHSM_KCV_MAX_LEN];
    uint32_t test, steps;

    platform_new();
    platform_code_is_good(0);
    must(terminal_start(&terminal), PAYHSM_OK, "a new terminal starts");
    check(state() == PAYHSM_STATE_VIRGIN, "it has no key");
    memset(&report, 0, sizeof report);
    report.size = sizeof report;
    must(payhsm_self_test(terminal.hsm, PAYHSM_TEST_ALL, &report), PAYHSM_ERR_SELF_TEST_FAILED, "its program was changed");
    check(report.failed == PAYHSM_TEST_INTEGRITY && state() == PAYHSM_STATE_ERROR, "it is in error");
    must(terminal_ceremony(&terminal, kcv), PAYHSM_ERR_SELF_TEST_FAILED, "and takes no keys");
    must(payhsm_close(terminal.hsm), PAYHSM_OK, "it is repaired");

    platform_code_is_good(1);
    must(terminal_start(&terminal), PAYHSM_OK, "it starts again");
    must(payhsm_self_test(terminal.hsm, PAYHSM_TEST_ALL, &report), PAYHSM_OK, "all self-tests pass");
    check(report.failed == 0 && report.rounds == 1, "one round");
    for (steps = 0; report.rounds == 1 && steps < 32; steps++) {
        if (payhsm_self_test_step(terminal.hsm, &test) != PAYHSM_OK ||
            payhsm_self_test(terminal.hsm, 0, &report) != PAYHSM_OK) {
            check(0, "a test between two customers");
        }
    }
    check(report.rounds == 2, "a second round, step by step");
}

/* Two components make the key that protects what comes. */
static void custodians(void)
{
    /* Of the acquirer's letter. */
    uint8_t kcv[PAYHSM_KCV_MAX_LEN];

    platform_people_present(0);
    must(terminal_ceremony(&terminal, kcv), PAYHSM_ERR_REFUSED, "no ceremony without the custodians");
    platform_people_present(1);
    must(terminal_ceremony(&terminal, kcv), PAYHSM_OK, "two components make the protection key");
    out_text("      check value ");
    out_bytes(kcv, sizeof kcv);
    out_text("\n");
}

/* The key of the log leaves once, under a key that exists for that. */
static void log_key(void)
{
    static const uint32_t in[] = {CUSTODIAN, OTHER_CUSTODIAN};
    static const uint32_t then[] = {AUDITOR};
    uint32_t kbpk = 0;

    must(terminal_log_ceremony(&terminal, &kbpk), PAYHSM_ERR_NOT_AUTHENTICATED, "officers enter no components");
    they_log_in(in, 2);
    must(terminal_log_ceremony(&terminal, &kbpk), PAYHSM_OK, "two components make the key for the reader of the log");
    must(terminal_log_key(&terminal, kbpk), PAYHSM_ERR_NOT_AUTHENTICATED, "custodians have nothing to do with the log");
    must(terminal_log_out(&terminal, CUSTODIAN), PAYHSM_OK, "a custodian goes");
    must(terminal_log_out(&terminal, OTHER_CUSTODIAN), PAYHSM_OK, "the other one, too");
    they_log_in(then, 1);
    must(terminal_log_key(&terminal, kbpk), PAYHSM_OK, "the key of the log goes to its reader");
    must(payhsm_key_erase(terminal.hsm, kbpk), PAYHSM_OK, "and an officer erases what it went under");
}

void loading(void)
{
    static const uint32_t in[] = {REMOTE_HOST, OPERATOR};
    uint8_t result;

    custodians();
    must(terminal_enrol(&terminal), PAYHSM_OK, "two officers are enrolled, and they enrol the rest");
    log_key();
    must(terminal_log_out(&terminal, OTHER_OFFICER), PAYHSM_OK, "an officer goes");

    must(terminal_initial_key(&terminal), PAYHSM_ERR_NOT_AUTHENTICATED, "keys are the host's business");
    change_at = 1;
    must(terminal_log_in(&terminal, REMOTE_HOST), PAYHSM_ERR_VERIFICATION_FAILED, "a log-in with a wrong answer");
    must(terminal_log_out(&terminal, OFFICER), PAYHSM_OK, "the other officer goes");
    they_log_in(in, 2);
    change_at = 1;
    must(terminal_initial_key(&terminal), PAYHSM_ERR_VERIFICATION_FAILED, "an initial key that was changed on the way is refused");
    must(terminal_initial_key(&terminal), PAYHSM_OK, "the initial DUKPT key comes in a key block");
    must(terminal_sign_on(&terminal), PAYHSM_OK, "the session keys of the day");

    change_at = 1;
    must(terminal_log(&terminal, &result), PAYHSM_OK, "the log is read out, and somebody on the line changes the nonce");
    check(result == RESULT_MORE && terminal_log_room(&terminal) < PLATFORM_LOG - 2, "its reader does not believe that this is all");
    the_log_is_read();
}
