#include "tarx/text.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

char *tarx_text_read(const char *file, size_t *len, struct tx_err *err)
{
	TX_FD own = strcmp(file, "-") ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	int fd = strcmp(file, "-") ? own : STDIN_FILENO;
	TX_FREE char *text = NULL;
	size_t room = 4096;
	ssize_t got;

	*len = 0;
	if (fd < 0) {
		tx_fail(err, errno, "open %s", file);
		return NULL;
	}
	do {
		char *larger = realloc(text, room *= 2);

		if (!larger) {
			tx_fail(err, ENOMEM, "read %s", file);
			return NULL;
		}
		text = larger;
		got = tx_read_stream(fd, text + *len, room - *len - 1);
		if (got < 0) {
			tx_fail(err, (int)-got, "read %s", file);
			return NULL;
		}
		*len += (size_t)got;
	} while (*len == room - 1);
	text[*len] = '\0';
	return tx_ptr_steal(&text);
}

char *tarx_text_line(char **at, char *end, char end_of_line)
{
	char *line = *at, *stop;

	if (line >= end)
		return NULL;
	stop = memchr(line, end_of_line, (size_t)(end - line));
	if (stop)
		*stop = '\0';
	*at = stop ? stop + 1 : end;
	return line;
}
