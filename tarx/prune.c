#include "tarx/prune.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------ by name */

static bool is_or_beneath(const char *path, const char *top)
{
	size_t len = strlen(top);

	return !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

/* Whether PATH lies beside the only one that is wanted there. */
static bool is_beside(const char *path, const char *only)
{
	const char *slash = strrchr(only, '/'), *name = slash ? slash + 1 : only;

	return !strncmp(path, only, (size_t)(name - only)) && !is_or_beneath(path, only);
}

bool tarx_prune_wants(void *data, const char *path)
{
	const struct tarx_prune *prune = data;

	return !tarx_patterns_match(&prune->report->opts->exclude, path);
}

bool tarx_prune_is_wanted(const struct tarx_prune *prune, const char *path)
{
	return !prune->only || !is_beside(path, prune->only);
}

/* ------------------------------------------------------------------ by a tag */

/* https://bford.info/cachedir: how the file begins. */
static bool marks_cache(int dir, const char *name)
{
	static const char signature[] = "Signature: 8a477f597d28d172789f06886806bc55";
	char bytes[sizeof(signature) - 1];
	TX_FD fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 && tx_read_at(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes) &&
	       !memcmp(bytes, signature, sizeof(bytes));
}

static const struct tarx_tag *find_tag(const struct tarx_opts *opts, int dir)
{
	for (size_t i = opts->tag_count; i > 0; i--) {
		const struct tarx_tag *tag = &opts->tags[i - 1];

		if (tag->is_cache ? marks_cache(dir, tag->name)
				  : faccessat(dir, tag->name, F_OK, 0) == 0)
			return tag;
	}
	return NULL;
}

static void tell_tag(struct tarx_report *report, const char *path, const struct tarx_tag *tag)
{
	if (report->opts->verbose && !tarx_opts_silences(report->opts, TARX_WARN_CACHEDIR))
		tarx_notice(report, "%s: contains the tag %s; %s not stored", path, tag->name,
			    tag->kind == TARX_TAG_ALL ? "the directory is" : "what is in it is");
}

/* In the directory NODE only the file of that name is wanted. */
static enum tarx_verdict keep_only(struct tarx_prune *prune, const struct align_node *node,
				   const char *name)
{
	size_t len = strlen(node->path);
	bool slash = len == 0 || node->path[len - 1] == '/';

	free(prune->only);
	if (asprintf(&prune->only, "%s%s%s", node->path, slash ? "" : "/", name) >= 0)
		return TARX_PRUNE_KEEP;
	prune->only = NULL;
	tarx_fatal(prune->report, "out of memory");
	return TARX_PRUNE_FATAL;
}

static enum tarx_verdict take_directory(struct tarx_prune *prune, const struct align_node *node)
{
	const struct tarx_tag *tag = find_tag(prune->report->opts, node->fd);

	if (tag) {
		tell_tag(prune->report, node->path, tag);
		if (tag->kind == TARX_TAG_ALL)
			return TARX_PRUNE_DROP;
		if (tag->kind == TARX_TAG_UNDER)
			return TARX_PRUNE_ALONE;
	}
	if (prune->flat)
		return TARX_PRUNE_ALONE;
	return tag ? keep_only(prune, node, tag->name) : TARX_PRUNE_KEEP;
}

/* ------------------------------------------------------------------ by age */

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

bool tarx_prune_is_old(const struct tarx_opts *opts, const struct stat *st)
{
	return opts->newer && !S_ISDIR(st->st_mode) && is_older(&st->st_mtim, &opts->newer_than) &&
	       (opts->newer_mtime || is_older(&st->st_ctim, &opts->newer_than));
}

enum tarx_verdict tarx_prune_node(struct tarx_prune *prune, const struct align_node *node)
{
	const struct tarx_opts *opts = prune->report->opts;

	if (S_ISDIR(node->st.st_mode))
		return take_directory(prune, node);
	if (!tarx_prune_is_old(opts, &node->st))
		return TARX_PRUNE_KEEP;
	if (opts->verbose && !tarx_opts_silences(opts, TARX_WARN_FILE_UNCHANGED))
		tarx_notice(prune->report, "%s: file is unchanged; not stored", node->path);
	return TARX_PRUNE_DROP;
}

void tarx_prune_release(struct tarx_prune *prune)
{
	free(prune->only);
	prune->only = NULL;
}
