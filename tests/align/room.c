#include "tests/align/room.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char room[PATH_MAX];

void must(bool worked, const char *step)
{
	if (worked)
		return;
	printf("Bail out! %s: %s\n", step, strerror(errno));
	fflush(stdout);
	_exit(1);
}

void room_open(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(room, sizeof(room), "%s/tarx-room.XXXXXX", parent && *parent ? parent : "/tmp");
	must(mkdtemp(room) && chmod(room, 0755) == 0 && chdir(room) == 0, "make a directory");
}

void room_close(void)
{
	char command[2 * PATH_MAX + 64];

	snprintf(command, sizeof(command), "chmod -R u+rwx '%s'; rm -rf '%s'", room, room);
	must(chdir("/") == 0 && system(command) == 0, "remove the directory");
}

void room_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	must(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

const char *room_read(const char *path)
{
	static char text[4096];
	FILE *file = fopen(path, "re");
	size_t n;

	if (!file)
		return "(none)";
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

size_t room_count(const char *dir)
{
	DIR *stream = opendir(dir);
	size_t n = 0;

	must(stream, dir);
	while (readdir(stream))
		n++;
	closedir(stream);
	return n - 2;
}
