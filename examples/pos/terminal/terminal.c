/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The terminal's module and keys. */
#include <string.h>

#include "internal.h"

const scheme_t terminal_schemes[SCHEMES] = {
    {PAYHSM_MAC_X9_19, PAYHSM_PIN_FORMAT_0, 8},
    {PAYHSM_MAC_CMAC, PAYHSM_PIN_FORMAT_4, 16},
};

terminal_t *terminal_instance(void) {
    static terminal_t the_terminal;
    return &the_terminal;
}

void terminal_wipe(void *memory, size_t len) {
    volatile uint8_t *p = memory;
    while (len > 0) {
        *p++ = 0;
        len--;
    }
}

/* The groups that are there, by their algorithm. */
static payhsm_status_t find_groups(terminal_t *terminal) {
    terminal->groups[SCHEME_TDEA] = 0;
    terminal->groups[SCHEME_AES] = 0;
    for (uint32_t i = 0; i < TERMINAL_GROUPS; i++) {
        payhsm_initial_key_info_t info;
        uint32_t group;
        const payhsm_status_t status = payhsm_dukpt_find(terminal->hsm, i, &group, &info);
        if (status == PAYHSM_OK) {
            terminal->groups[info.algorithm == 'T' ? SCHEME_TDEA : SCHEME_AES] = group;
        } else if (status != PAYHSM_ERR_INVALID_HANDLE) {
            return status;
        }
    }
    return PAYHSM_OK;
}

payhsm_status_t terminal_power_on(terminal_t *terminal, const terminal_platform_t *platform) {
    if (terminal == NULL || platform == NULL || platform->size != sizeof *platform) {
        return PAYHSM_ERR_INVALID_ARGUMENT;
    }
    terminal_power_off(terminal);
    terminal->platform = *platform;

    payhsm_config_t config;
    memset(&config, 0, sizeof config);
    config.size = (uint32_t)sizeof config;
    config.abi_version = PAYHSM_ABI_VERSION;
    config.slots = TERMINAL_SLOTS;
    config.groups = TERMINAL_GROUPS;
    config.storage_key = platform->device_key;
    config.user = platform->user;
    config.entropy = platform->entropy;
    config.storage_load = platform->storage_load;
    config.storage_save = platform->storage_save;
    config.storage_erase = platform->storage_erase;
    config.decide = platform->decide;

    const uintptr_t over = (uintptr_t)terminal->memory % PAYHSM_CTX_ALIGN;
    uint8_t *const memory = terminal->memory + (over == 0 ? 0 : PAYHSM_CTX_ALIGN - over);
    payhsm_status_t status = payhsm_init(memory, PAYHSM_CTX_SIZE(TERMINAL_SLOTS, TERMINAL_GROUPS), &config,
                                         &terminal->hsm);
    if (status == PAYHSM_OK) {
        /* Damaged records leave the module tampered: the first command tells. */
        status = find_groups(terminal);
    }
    if (status != PAYHSM_OK) {
        terminal_power_off(terminal);
    }
    return status;
}

void terminal_power_off(terminal_t *terminal) {
    if (terminal->hsm != NULL) {
        terminal_ignore(payhsm_close(terminal->hsm));
    }
    terminal_wipe(terminal, sizeof *terminal);
}

/* Opens the ceremony, lets every custodian enter a part, and closes it. */
static payhsm_status_t ceremony(terminal_t *terminal, const payhsm_key_attributes_t *attributes, size_t len,
                                uint32_t *key, payhsm_key_info_t *info) {
    const terminal_platform_t *platform = &terminal->platform;
    payhsm_status_t status =
        payhsm_component_begin(terminal->hsm, attributes, len, TERMINAL_CUSTODIANS, NULL, 0);
    for (uint32_t custodian = 1; status == PAYHSM_OK && custodian <= TERMINAL_CUSTODIANS; custodian++) {
        uint8_t component[16], kcv[PAYHSM_KCV_MAX_LEN];
        if (len > sizeof component ||
            platform->read_component(platform->user, custodian, component, len, kcv, sizeof kcv) != 0) {
            status = PAYHSM_ERR_COMPONENT;
        } else {
            status = payhsm_component_add(terminal->hsm, custodian, component, len, kcv, sizeof kcv);
        }
        terminal_wipe(component, sizeof component);
    }
    if (status == PAYHSM_OK) {
        return payhsm_component_finish(terminal->hsm, key, info);
    }
    /* After an error of the library the ceremony is over already; after one of the keypad it is not. */
    terminal_ignore(payhsm_component_abort(terminal->hsm));
    return status;
}

payhsm_status_t terminal_enter_key(terminal_t *terminal, uint32_t purpose, payhsm_key_info_t *info) {
    static const payhsm_key_attributes_t authentication = {{'B', '3'}, 'A', 'X', {'0', '0'}, 'N', 0};
    static const payhsm_key_attributes_t protection = {{'K', '1'}, 'A', 'D', {'0', '0'}, 'N', 0};
    uint32_t key = 0;
    payhsm_status_t status = PAYHSM_ERR_INVALID_ARGUMENT;
    memset(info, 0, sizeof *info);
    if (purpose == TERMINAL_KEY_AUTHENTICATION) {
        status = ceremony(terminal, &authentication, 16, &key, info);
        terminal->authentication = key;
    } else if (purpose == TERMINAL_KEY_PROTECTION) {
        status = ceremony(terminal, &protection, 16, &key, info);
        terminal->protection = key;
    }
    return status;
}

payhsm_status_t terminal_load_initial_key(terminal_t *terminal, const uint8_t *block, size_t block_len,
                                          payhsm_initial_key_info_t *info) {
    uint32_t group;
    const payhsm_status_t status = payhsm_dukpt_load(terminal->hsm, terminal->protection,
                                                     PAYHSM_PROFILE_X9_143_STRICT, block, block_len, &group, info);
    if (status == PAYHSM_OK) {
        terminal->groups[info->algorithm == 'T' ? SCHEME_TDEA : SCHEME_AES] = group;
    }
    return status;
}

payhsm_status_t terminal_next_ksn(terminal_t *terminal, char algorithm, payhsm_initial_key_info_t *info) {
    memset(info, 0, sizeof *info);
    for (uint32_t i = 0; i < TERMINAL_GROUPS; i++) {
        uint32_t group;
        const payhsm_status_t status = payhsm_dukpt_find(terminal->hsm, i, &group, info);
        if (status == PAYHSM_OK && info->algorithm == (uint8_t)algorithm) {
            return PAYHSM_OK;
        }
        if (status != PAYHSM_OK && status != PAYHSM_ERR_INVALID_HANDLE) {
            return status;
        }
    }
    memset(info, 0, sizeof *info);
    return PAYHSM_ERR_NO_KEY;
}

terminal_result_t terminal_exchange(terminal_t *terminal) {
    const terminal_platform_t *platform = &terminal->platform;
    message_t *request = &terminal->request, *answer = &terminal->answer;
    size_t len = 0;
    answer->len = 0;
    answer->overflow = 0;
    if (request->overflow) {
        return TERMINAL_MISUSE;
    }
    if (platform->host(platform->user, request->bytes, request->len, answer->bytes, sizeof answer->bytes, &len) != 0 ||
        len == 0 || len > sizeof answer->bytes) {
        return TERMINAL_NO_ANSWER;
    }
    answer->len = len;
    return TERMINAL_APPROVED;
}
