#include "tests/lib/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int said, failed;

static __attribute__((format(printf, 2, 0))) bool say(bool holds, const char *promise, va_list args)
{
	printf("%s %d - ", holds ? "ok" : "not ok", ++said);
	vprintf(promise, args);
	putchar('\n');
	fflush(stdout);
	failed += !holds;
	return holds;
}

bool tap_ok(bool holds, const char *promise, ...)
{
	va_list args;

	va_start(args, promise);
	say(holds, promise, args);
	va_end(args);
	return holds;
}

bool tap_number(long long got, long long want, const char *promise, ...)
{
	va_list args;

	va_start(args, promise);
	if (!say(got == want, promise, args))
		printf("# got  %lld\n# want %lld\n", got, want);
	va_end(args);
	return got == want;
}

bool tap_string(const char *got, const char *want, const char *promise, ...)
{
	bool same = got && want ? !strcmp(got, want) : got == want;
	va_list args;

	va_start(args, promise);
	if (!say(same, promise, args))
		printf("# got  %s\n# want %s\n", got ? got : "(none)", want ? want : "(none)");
	va_end(args);
	return same;
}

void tap_skip(const char *promise, const char *why)
{
	const char *forbidden = getenv("TARX_NO_SKIP");

	if (forbidden && *forbidden) {
		tap_ok(false, "%s", promise);
		printf("# cannot be tried: %s\n", why);
		return;
	}
	printf("ok %d - %s # SKIP %s\n", ++said, promise, why);
}

int tap_done(void)
{
	printf("1..%d\n", said);
	return failed || !said;
}
