// What Go's archive/tar makes of an archive on standard input: reader -t lists it, reader -x DIR unpacks it there.
package main

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"
)

type later struct {
	path string
	h    *tar.Header
}

func mknod(path string, h *tar.Header) error {
	mode := map[byte]uint32{tar.TypeChar: syscall.S_IFCHR, tar.TypeBlock: syscall.S_IFBLK,
		tar.TypeFifo: syscall.S_IFIFO}[h.Typeflag]
	major, minor := uint64(h.Devmajor), uint64(h.Devminor)
	dev := minor&0xff | major<<8 | minor>>8<<20
	return syscall.Mknod(path, mode|0600, int(dev))
}

func write(path string, from io.Reader) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0600)
	if err != nil {
		return err
	}
	if _, err = io.Copy(file, from); err != nil {
		return err
	}
	return file.Close()
}

func make(path, dir string, h *tar.Header, from io.Reader) error {
	switch h.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, 0700)
	case tar.TypeReg:
		return write(path, from)
	case tar.TypeSymlink:
		return os.Symlink(h.Linkname, path)
	case tar.TypeLink:
		return os.Link(filepath.Join(dir, h.Linkname), path)
	}
	return mknod(path, h)
}

func setTime(path string, when time.Time) error {
	times := [2]syscall.Timespec{{Sec: when.Unix(), Nsec: int64(when.Nanosecond())},
		{Sec: when.Unix(), Nsec: int64(when.Nanosecond())}}
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	cwd, noFollow := -100, 0x100
	_, _, errno := syscall.Syscall6(syscall.SYS_UTIMENSAT, uintptr(cwd), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&times)), uintptr(noFollow), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func finish(path string, h *tar.Header) error {
	if err := os.Lchown(path, h.Uid, h.Gid); err != nil {
		return err
	}
	for name, value := range h.PAXRecords {
		const prefix = "SCHILY.xattr."
		if len(name) > len(prefix) && name[:len(prefix)] == prefix && h.Typeflag != tar.TypeSymlink {
			if err := syscall.Setxattr(path, name[len(prefix):], []byte(value), 0); err != nil {
				return err
			}
		}
	}
	if h.Typeflag != tar.TypeSymlink {
		if err := syscall.Chmod(path, uint32(h.Mode)); err != nil {
			return err
		}
	}
	return setTime(path, h.ModTime)
}

func unpack(r *tar.Reader, h *tar.Header, dir string, dirs *[]later) error {
	path := filepath.Join(dir, h.Name)
	if err := make(path, dir, h, r); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeLink {
		return nil
	}
	if h.Typeflag == tar.TypeDir {
		*dirs = append(*dirs, later{path, h})
		return nil
	}
	return finish(path, h)
}

func read() error {
	var dirs []later
	r := tar.NewReader(os.Stdin)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if os.Args[1] == "-t" {
			fmt.Println(h.Name)
		} else if err := unpack(r, h, os.Args[2], &dirs); err != nil {
			return err
		}
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := finish(dirs[i].path, dirs[i].h); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := read(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
