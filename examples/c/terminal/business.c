/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a day of a terminal is: sales and what goes wrong with them, a balance, orders. */
#include "scene.h"

#include <string.h>

void sales(void)
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

void inquiry(void)
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

void orders(void)
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

/* Nobody comes for a while: the operator must log in again. */
void idle(void)
{
    static const uint32_t operator_again[] = {OPERATOR};
    uint8_t result;

    platform_wait(16 * 60);
    must(sale("1234", &result), PAYHSM_ERR_NOT_AUTHENTICATED, "after a quarter of an hour nobody is logged in");
    they_log_in(operator_again, 1);
    must(sale("1234", &result), PAYHSM_OK, "the next sale");
    check(result == RESULT_APPROVED, "approved");
}
