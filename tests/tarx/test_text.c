#include "tarx/text.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char text[64];

/* The lines of BYTES, each in brackets. */
static const char *lines_of(const char *bytes, size_t len, char end_of_line)
{
	char copy[64], *at = copy, *line;

	memcpy(copy, bytes, len);
	copy[len] = '\0';
	text[0] = '\0';
	while ((line = tarx_text_line(&at, copy + len, end_of_line)) != NULL) {
		strcat(text, "[");
		strcat(text, line);
		strcat(text, "]");
	}
	return text;
}

static void test_read(void)
{
	int fd = memfd_create("text", 0);
	char path[64], *got;
	struct tx_err err;
	size_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	got = tarx_text_read(path, &len, &err);
	tap_ok(got && len == 0 && !*got, "an empty file is an empty text");
	free(got);
	for (int i = 0; i < 100000; i++)
		if (write(fd, "line\n", 5) != 5)
			tap_ok(false, "(write)");
	got = tarx_text_read(path, &len, &err);
	tap_ok(got && len == 500000 && !memcmp(got + len - 5, "line\n", 6),
	       "a long one is read whole, and ends in a NUL");
	free(got);
	close(fd);
	got = tarx_text_read("/no/such/file", &len, &err);
	tap_ok(!got && err.code == ENOENT && strstr(err.text, "/no/such/file"),
	       "one that is not there is an error that names it");
}

int main(void)
{
	tap_string(lines_of("", 0, '\n'), "", "nothing has no lines");
	tap_string(lines_of("a\nb\n", 4, '\n'), "[a][b]", "lines end with a newline");
	tap_string(lines_of("a\nb", 3, '\n'), "[a][b]", "the last one need not");
	tap_string(lines_of("\n\na", 3, '\n'), "[][][a]", "empty ones are lines");
	tap_string(lines_of("a\n\0b\0", 5, '\0'), "[a\n][b]", "or they end with a NUL");
	test_read();
	return tap_done();
}
