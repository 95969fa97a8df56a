/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The smallest program that uses the installed library: a module that starts, tells its state, and ends. */
#include <payhsm.h>

#include <stdio.h>
#include <string.h>

static uint8_t memory[PAYHSM_CTX_SIZE(4, 1) + PAYHSM_CTX_ALIGN];

static payhsm_status_t entropy(void *user, uint8_t *out, size_t len)
{
    FILE *source = fopen("/dev/urandom", "rb");
    size_t got = 0;

    (void)user;
    if (source != NULL) {
        got = fread(out, 1, len, source);
        fclose(source);
    }
    return got == len ? PAYHSM_OK : PAYHSM_ERR_ENTROPY;
}

int main(void)
{
    payhsm_config_t config;
    payhsm_state_t state;
    payhsm_ctx_t *hsm;
    payhsm_status_t status;
    uint8_t *aligned = memory;

    while ((uintptr_t)aligned % PAYHSM_CTX_ALIGN != 0) {
        aligned++;
    }
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.abi_version = PAYHSM_ABI_VERSION;
    config.slots = 4;
    config.groups = 1;
    config.entropy = entropy;
    status = payhsm_init(aligned, PAYHSM_CTX_SIZE(4, 1), &config, &hsm);
    if (status == PAYHSM_OK) {
        memset(&state, 0, sizeof state);
        state.size = sizeof state;
        status = payhsm_state(hsm, &state);
    }
    if (status == PAYHSM_OK) {
        printf("payhsm %u.%u.%u: %u slots\n", PAYHSM_VERSION_MAJOR, PAYHSM_VERSION_MINOR, PAYHSM_VERSION_PATCH,
               (unsigned)state.slots);
        status = payhsm_close(hsm);
    }
    if (status != PAYHSM_OK) {
        fprintf(stderr, "%s\n", payhsm_status_text(status));
    }
    return status == PAYHSM_OK ? 0 : 1;
}
