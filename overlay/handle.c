#include "overlay/handle.h"

#include <fcntl.h>
#include <string.h>

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif

/* What overlayfs encodes (fs/overlayfs/overlayfs.h, struct ovl_fh): padding to a word, then this,
 * then the bytes of the real handle. */
struct fb {
	uint8_t version, magic, len, flags, type, uuid[16];
} __attribute__((packed));

#define FB_PADDING    3
#define FB_VERSION    0
#define FB_MAGIC      0xfb
#define FB_PATH_UPPER 4
#define FB_HANDLE     0xf8 /* handle_type of such a handle */

union handle {
	struct file_handle head;
	_Alignas(8) unsigned char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static bool encode(union handle *h, int *mount_id, int fd, int flags)
{
	h->head.handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(fd, "", &h->head, mount_id, flags | AT_EMPTY_PATH) == 0;
}

/* fb.len counts fb and the real handle; the whole is padded to words, as all handles are. */
static bool is_overlays(const union handle *h, struct fb *fb)
{
	if (h->head.handle_type != FB_HANDLE || h->head.handle_bytes < FB_PADDING + sizeof(*fb))
		return false;
	memcpy(fb, h->head.f_handle + FB_PADDING, sizeof(*fb));
	return fb->version == FB_VERSION && fb->magic == FB_MAGIC && fb->len >= sizeof(*fb) &&
	       fb->len <= h->head.handle_bytes - FB_PADDING;
}

static bool names_real(const union handle *merged, const struct fb *fb, const union handle *real)
{
	size_t n = fb->len - sizeof(*fb);

	return fb->type == real->head.handle_type && n == real->head.handle_bytes &&
	       !memcmp(merged->head.f_handle + FB_PADDING + sizeof(*fb), real->head.f_handle, n);
}

enum overlay_handle overlay_handle_compare(int merged, uint64_t mount_id, int layer_fd, bool upper)
{
	union handle seen, real;
	int seen_mount, real_mount;
	struct fb fb;

	if (!encode(&seen, &seen_mount, merged, AT_HANDLE_FID))
		return OVERLAY_HANDLE_UNKNOWN;
	if (seen_mount < 0 || (uint64_t)seen_mount != mount_id)
		return OVERLAY_HANDLE_OTHER;
	if (!encode(&real, &real_mount, layer_fd, 0) || !is_overlays(&seen, &fb))
		return OVERLAY_HANDLE_UNKNOWN;
	if (!(fb.flags & FB_PATH_UPPER) != !upper || !names_real(&seen, &fb, &real))
		return OVERLAY_HANDLE_OTHER;
	return OVERLAY_HANDLE_SAME;
}
