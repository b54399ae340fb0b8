/* A private directory for a test, and steps without which the test says nothing. */
#ifndef TESTS_ROOM_H
#define TESTS_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/* Makes an empty directory, which others may enter, and goes there. */
void room_open(void);
void room_close(void);

/* A step that the test stands on: when it did not work, no promise can be tried. */
void must(bool worked, const char *step);

void room_write(const char *path, const char *text);

/* What is in the file, as a string; "(none)" where it cannot be opened. Overwritten by the next
 * call. */
const char *room_read(const char *path);

/* The names in the directory but "." and "..". */
size_t room_count(const char *dir);

#endif
