/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A day of the terminal, with what goes wrong on one. */
#include "terminal.h"

#include <string.h>

static const char PAN[] = "4111111111111111";
static const uint8_t AMOUNT[AMOUNT_LEN] = {0x00, 0x00, 0x00, 0x00, 0x42, 0x00};

static terminal_t terminal;
/* Somebody on the line changes this byte of the next answer, counted from its end; 0: nobody. */
static size_t change_at;
static int line_is_down;

/* The line itself, below. */
int line_exchange(const message_t *request, message_t *response);

int link_exchange(const message_t *request, message_t *response)
{
    memset(response, 0, sizeof *response);
    if (line_is_down || line_exchange(request, response) != 0) {
        memset(response, 0, sizeof *response);
        return 1;
    }
    if (change_at != 0 && change_at <= response->len) {
        uint8_t *byte = &response->bytes[response->len - change_at];

        /* Another hexadecimal digit where it was one. */
        *byte = *byte == '0' ? '1' : '0';
        change_at = 0;
    }
    return 0;
}

static void check(int condition, const char *what)
{
    out_text(condition ? "ok    " : "WRONG ");
    out_text(what);
    out_text("\n");
    if (!condition) {
        out_stop(what);
    }
}

static void must(payhsm_status_t got, payhsm_status_t want, const char *what)
{
    if (got != want) {
        out_text("      ");
        out_text(payhsm_status_text(got));
        out_text("\n");
    }
    check(got == want, what);
}

static uint32_t state(void)
{
    payhsm_state_t now;

    memset(&now, 0, sizeof now);
    now.size = sizeof now;
    must(payhsm_state(terminal.hsm, &now), PAYHSM_OK, "the state is told");
    return now.state;
}

/* The next customer, half a minute later. */
static payhsm_status_t sale(const char *digits, uint8_t *result)
{
    payhsm_pin_t pin = platform_keypad(digits);

    platform_wait(30);
    return terminal_sale(&terminal, PAN, AMOUNT, &pin, result);
}

/* --- loading ------------------------------------------------------------------------------------------------------- */

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

static void loading(void)
{
    platform_new_storage();
    must(terminal_start(&terminal), PAYHSM_OK, "a new terminal starts");
    check(terminal.group == 0, "it has no initial key");
    custodians();
    change_at = 1;
    must(terminal_initial_key(&terminal), PAYHSM_ERR_VERIFICATION_FAILED, "an initial key that was changed on the way is refused");
    must(terminal_initial_key(&terminal), PAYHSM_OK, "the initial DUKPT key comes in a key block");
    must(terminal_sign_on(&terminal), PAYHSM_OK, "the session keys of the day");
}

/* --- business ------------------------------------------------------------------------------------------------------ */

static void sales(void)
{
    payhsm_pin_t pin;
    uint32_t first;
    uint8_t result;

    pin = platform_keypad("1234");
    must(terminal_sale(&terminal, PAN, AMOUNT, &pin, &result), PAYHSM_OK, "a sale with the right PIN");
    check(result == RESULT_APPROVED, "approved");
    first = terminal.sequence;
    pin = platform_keypad("1234");
    must(terminal_sale(&terminal, PAN, AMOUNT, &pin, &result), PAYHSM_ERR_RATE_LIMITED, "no two PINs at once");
    must(sale("4321", &result), PAYHSM_OK, "a sale with a wrong PIN");
    check(result == RESULT_WRONG_PIN, "declined");
    change_at = MAC_LEN + 3;
    must(sale("1234", &result), PAYHSM_ERR_VERIFICATION_FAILED, "an answer that was changed on the way is not believed");
    must(terminal_void(&terminal, terminal.sequence, AMOUNT, &result), PAYHSM_OK, "its sale is taken back");
    check(result == RESULT_APPROVED, "as the acquirer says");
    must(terminal_void(&terminal, first, AMOUNT, &result), PAYHSM_OK, "the first sale is voided");
    check(result == RESULT_APPROVED, "voided");
    must(terminal_void(&terminal, first, AMOUNT, &result), PAYHSM_OK, "and once more");
    check(result == RESULT_UNKNOWN, "which there is no sale for");
    line_is_down = 1;
    must(sale("1234", &result), PAYHSM_ERR_RECORD, "the line is down: a KSN is lost, and that is all");
    line_is_down = 0;
    must(sale("1234", &result), PAYHSM_OK, "the next sale has the next");
    check(result == RESULT_APPROVED, "approved");
}

static void inquiry(void)
{
    static const uint8_t expected[BALANCE_LEN] = {0x00, 0x00, 0x00, 0x12, 0x34, 0x56};
    uint8_t balance[BALANCE_LEN], result;
    payhsm_pin_t pin = platform_keypad("1234");

    platform_wait(30);
    must(terminal_balance(&terminal, PAN, &pin, balance, &result), PAYHSM_OK, "the balance, under session keys");
    check(result == RESULT_APPROVED && memcmp(balance, expected, sizeof expected) == 0, "is what the acquirer has");
    platform_wait(30);
    pin = platform_keypad("1111");
    must(terminal_balance(&terminal, PAN, &pin, balance, &result), PAYHSM_OK, "with a wrong PIN");
    check(result == RESULT_WRONG_PIN && balance[4] == 0, "it is not told");
    platform_wait(30);
    pin = platform_keypad("1234");
    change_at = MAC_LEN + 3;
    must(terminal_balance(&terminal, PAN, &pin, balance, &result), PAYHSM_ERR_VERIFICATION_FAILED, "one that was changed");
    check(balance[4] == 0, "is not deciphered");
}

static void orders(void)
{
    char code[ORDER_MAX_LEN];
    uint8_t result;
    size_t len;

    must(terminal_order(&terminal, "T=00000007;N=1042;A=42.00;CUR=156;", code, &len), PAYHSM_OK, "an order for a QR code is signed");
    must(terminal_check_order(&terminal, code, len, &result), PAYHSM_OK, "somebody scans it");
    check(result == RESULT_APPROVED, "it is one of this terminal");
    code[18] = '9';
    must(terminal_check_order(&terminal, code, len, &result), PAYHSM_OK, "another amount in the same code");
    check(result == RESULT_UNKNOWN, "is none");
    must(payhsm_mac_verify(terminal.hsm, terminal.order_key, PAYHSM_MAC_CMAC, (const uint8_t *)code, len, (const uint8_t *)code, 8),
         PAYHSM_ERR_MODE_NOT_PERMITTED, "the key that signs orders does nothing else");
}

/* --- power --------------------------------------------------------------------------------------------------------- */

/* The power goes at every write of a sale in turn, until the sale gets through. */
static void power(void)
{
    uint8_t kcv[PAYHSM_KCV_MAX_LEN], result = 0;
    uint32_t cut;
    payhsm_status_t status = PAYHSM_ERR_STORAGE;

    for (cut = 0; cut < 32; cut++) {
        platform_cut_after(cut);
        status = sale("1234", &result);
        if (!platform_is_dark()) {
            break;
        }
        check(status != PAYHSM_OK || result == RESULT_APPROVED, "the power goes in a sale");
        platform_power_returns();
        must(terminal_start(&terminal), PAYHSM_OK, "the terminal starts again");
        check(terminal.group != 0, "with its initial key");
        must(sale("1234", &result), PAYHSM_OK, "and sells under a KSN that was never used");
        check(result == RESULT_APPROVED, "approved");
    }
    platform_cut_after(UINT32_MAX);
    must(status, PAYHSM_OK, "the sale gets through when there is power for it");
    check(cut > 0 && cut < 32, "after cuts at every write");
    out_text("      writes of a sale: ");
    out_number(cut);
    out_text("\n");
    must(terminal_ceremony(&terminal, kcv), PAYHSM_OK, "the custodians come again");
    must(terminal_sign_on(&terminal), PAYHSM_OK, "and the terminal signs on");
    inquiry();
}

/* --- tamper -------------------------------------------------------------------------------------------------------- */

static void tamper(void)
{
    uint8_t result;

    must(payhsm_tamper(terminal.hsm), PAYHSM_OK, "the case is opened");
    check(state() == PAYHSM_STATE_TAMPERED, "the keys are gone");
    must(sale("1234", &result), PAYHSM_ERR_TAMPERED, "nothing is sold");
    must(payhsm_key_erase(terminal.hsm, terminal.session_mac), PAYHSM_ERR_TAMPERED, "nothing else works either");
    must(payhsm_close(terminal.hsm), PAYHSM_OK, "the end");
}

int day_play(void)
{
    loading();
    sales();
    inquiry();
    orders();
    power();
    tamper();
    return 0;
}
