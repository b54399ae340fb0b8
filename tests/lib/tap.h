/* TAP for the unit tests: a promise a line, and on a failure what was got and what was wanted. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>

/* Says whether PROMISE (a sentence) holds; returns HOLDS. */
bool tap_ok(bool holds, const char *promise, ...) __attribute__((format(printf, 2, 3)));

/* The same for two numbers and two strings, shown when they differ. */
bool tap_number(long long got, long long want, const char *promise, ...)
	__attribute__((format(printf, 3, 4)));
bool tap_string(const char *got, const char *want, const char *promise, ...)
	__attribute__((format(printf, 3, 4)));

/* A promise that cannot be tried here, and why. Fails where TARX_NO_SKIP is set (CI). */
void tap_skip(const char *promise, const char *why);

/* Prints the plan. Returns the exit code of main(). */
int tap_done(void);

#endif
