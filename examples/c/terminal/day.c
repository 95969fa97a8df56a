/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A day of the terminal, with what goes wrong on one. */
#include "scene.h"

int day_play(void)
{
    self_tests();
    loading();
    sales();
    inquiry();
    orders();
    idle();
    power();
    rollback();
    tamper();
    return 0;
}
