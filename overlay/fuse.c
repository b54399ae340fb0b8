#include "overlay/fuse.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_MAX (1 << 20)

/* Words of a command line, a NUL behind each. */
struct words {
	char *text; /* owned */
	size_t len;
};

static int read_words(struct words *words, const char *process)
{
	char path[64];
	TX_FD fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/cmdline", process);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	words->text = malloc(COMMAND_MAX + 1);
	if (!words->text)
		return -ENOMEM;
	n = tx_read_stream(fd, words->text, COMMAND_MAX);
	if (n < 0)
		return (int)n;
	words->len = (size_t)n;
	words->text[n] = '\0';
	return 0;
}

static const char *next_word(const struct words *words, const char *word)
{
	word += strlen(word) + 1;
	return word < words->text + words->len ? word : NULL;
}

static bool is_program(const struct words *words)
{
	const char *slash = strrchr(words->text, '/');

	return words->len > 0 && !strcmp(slash ? slash + 1 : words->text, "fuse-overlayfs");
}

/* A mount point that was told as a relative path is the end of the whole one. */
static bool is_point(const char *told, const char *point)
{
	size_t len = strlen(told), whole = strlen(point);

	while (len > 1 && told[len - 1] == '/')
		len--;
	if (*told == '/')
		return len == whole && !strncmp(told, point, len);
	return len > 0 && len < whole && point[whole - len - 1] == '/' &&
	       !strncmp(told, point + whole - len, len);
}

/* Options as mountinfo would show them: libfuse escapes a comma by a backslash. */
static char *as_in_mountinfo(const char *text)
{
	char *shown = malloc(strlen(text) * 4 + 1), *to = shown;

	for (; shown && *text; text++) {
		if (text[0] == '\\' && text[1] == ',') {
			to = stpcpy(to, "\\054");
			text++;
		} else {
			*to++ = *text;
		}
	}
	if (shown)
		*to = '\0';
	return shown;
}

/* All options together, comma separated; NULL without memory. */
static char *join_options(const struct words *words)
{
	char *all = calloc(1, words->len * 4 + 1), *to = all;

	for (const char *word = words->text; all && word; word = next_word(words, word)) {
		TX_FREE char *shown = NULL;
		const char *value = NULL;

		if (!strcmp(word, "-o"))
			value = word = next_word(words, word);
		else if (!strncmp(word, "-o", 2))
			value = word + 2;
		if (!word)
			break;
		if (!value)
			continue;
		shown = as_in_mountinfo(value);
		if (!shown) {
			free(all);
			return NULL;
		}
		to = stpcpy(stpcpy(to, to > all ? "," : ""), shown);
	}
	return all;
}

static bool serves(const struct words *words, const char *point)
{
	const char *last = words->text;

	for (const char *word = words->text; word; word = next_word(words, word))
		last = word;
	return is_program(words) && is_point(last, point);
}

/* Whether PROCESS sees MOUNT among its own: elsewhere somebody may have told the same name of another one. */
static bool sees(const char *process, const struct overlay_mount *mount)
{
	TX_FREE char *line = NULL;
	struct overlay_mount_line cut;
	size_t room = 0;
	bool found = false;
	char path[64];
	FILE *lines;

	snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", process);
	lines = fopen(path, "re");
	if (!lines)
		return false;
	while (!found && getline(&line, &room, lines) >= 0)
		found = overlay_mount_line_parse(&cut, line) && cut.major == mount->major &&
			cut.minor == mount->minor;
	fclose(lines);
	return found;
}

/* 1: it is the process, 0: not, -errno. */
static int look_at(struct overlay_options *o, const char *process,
		   const struct overlay_mount *mount)
{
	TX_FREE char *options = NULL;
	struct words words = { 0 };
	int r = read_words(&words, process);

	if (r == 0 && serves(&words, mount->point) && sees(process, mount)) {
		options = join_options(&words);
		r = options ? overlay_options_parse(o, options) : -ENOMEM;
		r = r < 0 ? r : 1;
	} else if (r != -ENOMEM) {
		r = 0;
	}
	free(words.text);
	return r;
}

int overlay_fuse_options(struct overlay_options *o, const struct overlay_mount *mount)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	*o = (struct overlay_options){ 0 };
	if (!proc)
		return -errno;
	while (r == 0 && (entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name) && strlen(entry->d_name) < 20)
			r = look_at(o, entry->d_name, mount);
	closedir(proc);
	return r < 0 ? r : r > 0 ? 0 : -ENOENT;
}
