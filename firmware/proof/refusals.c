/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What state, policy and self-tests refuse. */
#include <string.h>

#include "proof.h"

#define GIVEN out.bytes, sizeof out.bytes, &out.len

static void data_key(void) {
    restart(0);
    key = enter(&host, "D0", 'T', 'B', 'N', 1, 16);
    kbpk = enter(&host, "K1", 'A', 'E', 'N', 8, 32);
    memcpy(in.bytes, SECRETS->entropy, 32);
    in.pin = SECRETS->pins[0].pin;
}
static payhsm_status_t mac(void) { return payhsm_mac_generate(host.ctx, key, PAYHSM_MAC_X9_19, in.bytes, 16, 8, GIVEN); }
static payhsm_status_t wrap(void) { return payhsm_key_export(host.ctx, kbpk, key, GIVEN); }
static payhsm_status_t pin(void) {
    return payhsm_pin_encipher(host.ctx, key, PAYHSM_PIN_FORMAT_0, (const uint8_t *)"4012345678909", 13, &in.pin, GIVEN);
}
static void mac_key(void) {
    restart(0);
    key = enter(&host, "M3", 'T', 'V', 'N', 1, 16);
}
static void retail_key(void) {
    restart(0);
    key = enter(&host, "M3", 'T', 'C', 'N', 1, 16);
    memcpy(in.bytes, SECRETS->entropy, 32);
}
static void tampered(void) {
    retail_key();
    must(payhsm_tamper(host.ctx));
}
static payhsm_status_t bytes(void) { return payhsm_random(host.ctx, out.bytes, 16); }
static payhsm_status_t narrow(void) { return payhsm_policy_widen(host.ctx, PAYHSM_POLICY_CBC_MAC); }
static void refused(void) {
    retail_key();
    host.decide_answer = -1;
}
static payhsm_status_t cbc(void) { return payhsm_mac_generate(host.ctx, key, PAYHSM_MAC_ALG1_PAD1, in.bytes, 16, 8, GIVEN); }
static void broken_source(void) {
    retail_key();
    host.stuck = 1;
    (void)!payhsm_random(host.ctx, in.block, 32);
    host.stuck = 0;
}
static void untested(void) {
    tests_at_first_use(PAYHSM_SELF_TESTS_REFUSE);
    restart(0);
    tests_at_first_use(PAYHSM_SELF_TESTS_OFF);
}
static const payhsm_key_attributes_t DATA_KEY = {{'D', '0'}, 'T', 'B', {'0', '0'}, 'N', 0};
static payhsm_status_t ceremony(void) { return payhsm_key_generate(host.ctx, &DATA_KEY, 16, &out.handle, &out.info); }

/* An algorithm whose known answer is broken: no command uses it, and no start comes to anything. */
static void untested_aes(void) {
    payhsm_self_test_report_t report;
    /* With a storage key a start tests what opens records. */
    tests_at_first_use(PAYHSM_SELF_TESTS_REFUSE);
    keep_no_storage_key(1);
    restart(0);
    keep_no_storage_key(0);
    tests_at_first_use(PAYHSM_SELF_TESTS_OFF);
    memset(&report, 0, sizeof report);
    report.size = sizeof report;
    must(payhsm_self_test(host.ctx, PAYHSM_TEST_TDEA | PAYHSM_TEST_CMAC | PAYHSM_TEST_GENERATOR, &report));
}
static payhsm_status_t test_and_use(void) {
    payhsm_self_test_report_t report;
    report.size = sizeof report;
    (void)!payhsm_self_test(host.ctx, PAYHSM_TEST_AES, &report);
    return payhsm_key_generate(host.ctx, &DATA_KEY, 16, &out.handle, &out.info);
}
static void stored_key(void) {
    restart(0);
    key = enter(&host, "D0", 'A', 'B', 'N', 9, 16);
    must(payhsm_key_store(host.ctx, key));
}
static payhsm_status_t start_and_random(void) {
    tests_at_first_use(PAYHSM_SELF_TESTS_FIRST_USE);
    reopen(&host, 0);
    tests_at_first_use(PAYHSM_SELF_TESTS_OFF);
    return payhsm_random(host.ctx, out.bytes, 16);
}

const struct operation REFUSALS[] = {
    RUN("policy: MAC under a data key", data_key, mac, PAYHSM_ERR_USAGE_NOT_PERMITTED, HOSTILE | GIVES),
    RUN("policy: PIN under a data key", data_key, pin, PAYHSM_ERR_USAGE_NOT_PERMITTED, HOSTILE | GIVES),
    RUN("policy: a key that may not leave", data_key, wrap, PAYHSM_ERR_EXPORT_NOT_PERMITTED, HOSTILE | GIVES),
    RUN("policy: MAC made with a key that verifies", mac_key, mac, PAYHSM_ERR_MODE_NOT_PERMITTED, HOSTILE | GIVES),
    RUN("policy: a MAC that is off", retail_key, cbc, PAYHSM_ERR_REFUSED, HOSTILE | GIVES),
    RUN("policy: widened against the platform", refused, narrow, PAYHSM_ERR_REFUSED, HOSTILE),
    RUN("state: MAC, tampered", tampered, mac, PAYHSM_ERR_TAMPERED, HOSTILE | GIVES),
    RUN("state: random bytes, tampered", tampered, bytes, PAYHSM_ERR_TAMPERED, HOSTILE | GIVES),
    RUN("state: MAC after a failed source", broken_source, mac, PAYHSM_ERR_ENTROPY, HOSTILE | GIVES),
    RUN("self-test: an algorithm that was not tested", untested, ceremony, PAYHSM_ERR_SELF_TEST_FAILED, HOSTILE | GIVES),
    RUN("self-test: a wrong answer", untested_aes, test_and_use, PAYHSM_OK, BROKEN | KEEPS),
    RUN("self-test: a wrong answer at the start", stored_key, start_and_random, PAYHSM_OK, BROKEN | ALSO | GIVES | KEEPS),
};
const size_t REFUSALS_COUNT = LENGTH(REFUSALS);
