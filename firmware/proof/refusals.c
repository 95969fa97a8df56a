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
static payhsm_status_t ceremony(void) {
    static const payhsm_key_attributes_t attributes = {{'D', '0'}, 'T', 'B', {'0', '0'}, 'N', 0};
    return payhsm_key_generate(host.ctx, &attributes, 16, &out.handle, &out.info);
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
};
const size_t REFUSALS_COUNT = LENGTH(REFUSALS);
