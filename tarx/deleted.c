#include "tarx/deleted.h"

#include "align/cleanup.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ writing */

/* N more bytes fit. */
static int reserve(struct tarx_deleted *deleted, size_t n)
{
	size_t room = deleted->room ? deleted->room : 4096;
	char *text;

	while (room - deleted->len < n)
		room *= 2;
	if (room == deleted->room)
		return 0;
	text = realloc(deleted->text, room);
	if (!text)
		return -ENOMEM;
	deleted->text = text;
	deleted->room = room;
	return 0;
}

static void put(struct tarx_deleted *deleted, char c)
{
	deleted->text[deleted->len++] = c;
}

/* Path by path, so that a long list is never kept as objects. */
static int put_path(struct tarx_deleted *deleted, const json_t *path)
{
	size_t n = json_dumpb(path, NULL, 0, JSON_ENCODE_ANY);

	if (n == 0)
		return -EILSEQ;
	if (reserve(deleted, n + 1) < 0)
		return -ENOMEM;
	put(deleted, deleted->count++ ? ',' : '[');
	deleted->len += json_dumpb(path, deleted->text + deleted->len, n, JSON_ENCODE_ANY);
	return 0;
}

int tarx_deleted_add(struct tarx_deleted *deleted, const char *path)
{
	TX_FREE char *absolute = NULL;
	json_t *string;
	int r;

	if (asprintf(&absolute, "/%s", path) < 0) {
		absolute = NULL;
		return -ENOMEM;
	}
	/* Whether it is UTF-8 is found when it is written. */
	string = json_string_nocheck(absolute);
	r = string ? put_path(deleted, string) : -ENOMEM;
	json_decref(string);
	return r;
}

int tarx_deleted_end(struct tarx_deleted *deleted)
{
	if (reserve(deleted, 2) < 0)
		return -ENOMEM;
	if (deleted->count == 0)
		put(deleted, '[');
	put(deleted, ']');
	return 0;
}

void tarx_deleted_release(struct tarx_deleted *deleted)
{
	free(deleted->text);
	*deleted = (struct tarx_deleted){ 0 };
}

/* ------------------------------------------------------------------ reading */

static int copy_paths(const json_t *list, char **paths)
{
	size_t i;
	json_t *path;

	json_array_foreach(list, i, path)
	{
		if (!json_is_string(path))
			return -EINVAL;
		paths[i] = strdup(json_string_value(path));
		if (!paths[i])
			return -ENOMEM;
	}
	return 0;
}

int tarx_deleted_read(const char *text, size_t len, char ***paths, size_t *count)
{
	json_error_t why;
	json_t *list = json_loadb(text, len, JSON_DECODE_ANY, &why);
	int r = -EINVAL;

	*paths = NULL;
	*count = 0;
	if (!list)
		return json_error_code(&why) == json_error_out_of_memory ? -ENOMEM : -EINVAL;
	if (json_is_null(list)) {
		r = 0; /* which is what Go makes of a list that has nothing in it */
	} else if (json_is_array(list)) {
		*count = json_array_size(list);
		*paths = calloc(*count + 1, sizeof(**paths));
		r = *paths ? copy_paths(list, *paths) : -ENOMEM;
	}
	if (r < 0) {
		tarx_deleted_free(*paths, *paths ? *count : 0);
		*paths = NULL;
		*count = 0;
	}
	json_decref(list);
	return r;
}

void tarx_deleted_free(char **paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
}
