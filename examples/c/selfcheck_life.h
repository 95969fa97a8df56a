/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The life cycle's part of selfcheck.c, which alone reads it: self-tests, users, locks, tamper, the way out. */
#ifndef EXAMPLE_SELFCHECK_LIFE_H
#define EXAMPLE_SELFCHECK_LIFE_H

static uint32_t state_of(device_t *device)
{
    payhsm_state_t state;

    state.size = sizeof state;
    CHECK_OK(payhsm_state(device->ctx, &state));
    return state.state;
}

/* All tests, and a round of them in steps. */
static void self_tests(void)
{
    device_t *device = start();
    payhsm_self_test_report_t report;
    uint32_t test, seen = 0;

    report.size = sizeof report;
    CHECK_OK(payhsm_self_test(device->ctx, PAYHSM_TEST_ALL, &report));
    CHECK(report.failed == 0 && (report.passed & PAYHSM_TEST_KEY_BLOCK_D) != 0 && report.version == 0x100);
    /* No verdict on the code without the callback. */
    CHECK((report.passed & PAYHSM_TEST_INTEGRITY) == 0 && report.rounds == 1);
    do {
        CHECK_OK(payhsm_self_test_step(device->ctx, &test));
        CHECK((seen & test) == 0);
        seen |= test;
    } while (test != PAYHSM_TEST_ECDSA_VERIFY);
    CHECK(seen == (report.passed | PAYHSM_TEST_INTEGRITY));
    CHECK_STATUS(payhsm_self_test(device->ctx, 1u << 30, &report), PAYHSM_ERR_UNSUPPORTED);
    end(device);
}

/* An officer's key in a slot of the module, and in one of the officer's own device. */
static const char OFFICERS[2][33] = {"00112233445566778899AABBCCDDEE01", "00112233445566778899AABBCCDDEE02"};

static payhsm_status_t log_in(device_t *device, device_t *token, uint32_t token_key, uint32_t user, uint32_t *session)
{
    uint8_t challenge[PAYHSM_CHALLENGE_LEN], response[PAYHSM_RESPONSE_LEN];
    size_t len;
    payhsm_status_t begun = payhsm_login_begin(device->ctx, user, challenge);

    if (begun != PAYHSM_OK)
        return begun;
    CHECK_OK(payhsm_mac_generate(token->ctx, token_key, PAYHSM_MAC_CMAC, challenge, sizeof challenge, sizeof response,
                                 response, sizeof response, &len));
    return payhsm_login_finish(device->ctx, response, 0, session);
}

static void users(void)
{
    device_t *device = start(), *token = start();
    payhsm_enrolment_t enrolment = {sizeof enrolment, 0, PAYHSM_ROLE_OFFICER, 0, PAYHSM_FACTOR_NONE, 0, 0, 0, 0};
    payhsm_user_status_t status;
    uint32_t keys[2], token_keys[2], sessions[2], policy;
    uint8_t bytes[4];
    int i;

    for (i = 0; i < 2; i++) {
        keys[i] = enter(device, "M6", 'A', 'V', OFFICERS[i]);
        token_keys[i] = enter(token, "M6", 'A', 'C', OFFICERS[i]);
    }
    for (i = 0; i < 2; i++) {
        enrolment.user = (uint32_t)i + 1;
        enrolment.key = keys[i];
        CHECK_OK(payhsm_role_enrol(device->ctx, &enrolment));
        CHECK(device->asked == PAYHSM_ASK_ENROL);
        CHECK_STATUS(payhsm_random(device->ctx, bytes, 4), i == 0 ? PAYHSM_ERR_NOT_AUTHENTICATED : PAYHSM_OK);
        if (i == 0)
            CHECK_OK(log_in(device, token, token_keys[0], 1, &sessions[0]));
    }
    /* Widening takes both; another officer's key opens no session. */
    CHECK_STATUS(payhsm_policy_widen(device->ctx, PAYHSM_POLICY_ECB_DATA), PAYHSM_ERR_NOT_AUTHENTICATED);
    CHECK_STATUS(log_in(device, token, token_keys[0], 2, &sessions[1]), PAYHSM_ERR_VERIFICATION_FAILED);
    status.size = sizeof status;
    CHECK_OK(payhsm_role_status(device->ctx, 2, &status));
    CHECK(status.failures == 1 && status.session == 0 && status.role == PAYHSM_ROLE_OFFICER && status.wait_ms == 0);
    CHECK_OK(log_in(device, token, token_keys[1], 2, &sessions[1]));
    CHECK_OK(payhsm_policy_widen(device->ctx, PAYHSM_POLICY_ECB_DATA));
    CHECK_OK(payhsm_policy(device->ctx, &policy));
    CHECK(policy == PAYHSM_POLICY_ECB_DATA);
    CHECK_OK(payhsm_policy_narrow(device->ctx, PAYHSM_POLICY_ECB_DATA));
    CHECK_OK(payhsm_policy_freeze(device->ctx));
    CHECK_STATUS(payhsm_policy_widen(device->ctx, PAYHSM_POLICY_ECB_DATA), PAYHSM_ERR_REFUSED);
    /* The last two officers stay; a session ends once. */
    CHECK_STATUS(payhsm_role_revoke(device->ctx, 2), PAYHSM_ERR_BAD_STATE);
    CHECK_OK(payhsm_logout(device->ctx, sessions[1]));
    CHECK_STATUS(payhsm_logout(device->ctx, sessions[1]), PAYHSM_ERR_INVALID_HANDLE);
    CHECK_OK(payhsm_lock(device->ctx));
    CHECK(state_of(device) == PAYHSM_STATE_LOCKED);
    CHECK_STATUS(payhsm_random(device->ctx, bytes, 4), PAYHSM_ERR_LOCKED);
    CHECK_OK(log_in(device, token, token_keys[0], 1, &sessions[0]));
    CHECK_STATUS(payhsm_unlock(device->ctx), PAYHSM_ERR_NOT_AUTHENTICATED);
    CHECK_OK(log_in(device, token, token_keys[1], 2, &sessions[1]));
    CHECK_OK(payhsm_unlock(device->ctx));
    CHECK(state_of(device) == PAYHSM_STATE_OPERATIONAL);
    end(device);
    end(token);
}

static void tampered(void)
{
    device_t *device = start();
    uint32_t key = enter(device, "M6", 'A', 'C', OFFICERS[0]);
    payhsm_key_info_t info;

    CHECK_OK(payhsm_wipe(device->ctx));
    CHECK_STATUS(payhsm_key_info(device->ctx, key, &info), PAYHSM_ERR_INVALID_HANDLE);
    enter(device, "M6", 'A', 'C', OFFICERS[0]);
    /* As an interrupt would: at once, twice, and the storage learns of it with the next call. */
    CHECK_OK(payhsm_tamper_signal(device->ctx));
    CHECK_OK(payhsm_tamper_signal(device->ctx));
    CHECK(state_of(device) == PAYHSM_STATE_TAMPERED);
    CHECK_STATUS(payhsm_reinitialise(device->ctx), PAYHSM_ERR_TAMPERED);
    CHECK_OK(payhsm_close(device->ctx));
    CHECK_STATUS(payhsm_tamper_signal(device->ctx), PAYHSM_ERR_INVALID_HANDLE);
    CHECK_OK(device_start(device, 0));
    CHECK(state_of(device) == PAYHSM_STATE_TAMPERED);
    CHECK_OK(payhsm_reinitialise(device->ctx));
    CHECK(device->asked == PAYHSM_ASK_REINITIALISE && state_of(device) == PAYHSM_STATE_VIRGIN);
    CHECK_OK(payhsm_close(device->ctx));
    CHECK_OK(device_start(device, 0));
    CHECK(state_of(device) == PAYHSM_STATE_VIRGIN);
    end(device);
}

#endif
