#include "live/live_why.h"

enum live_why live_why_of(const struct live_elf *elf)
{
    if (!elf->is_elf) {
        return LIVE_WHY_UNKNOWN;
    }
    if (elf->is_other_machine) {
        return LIVE_WHY_OTHER_MACHINE;
    }
    if (elf->is_sanitized) {
        return LIVE_WHY_SANITIZED;
    }
    if (elf->is_static) {
        return LIVE_WHY_STATIC;
    }
    if (elf->is_musl) {
        return LIVE_WHY_MUSL;
    }
    if (elf->is_privileged) {
        return LIVE_WHY_PRIVILEGED;
    }
    return elf->has_own_malloc ? LIVE_WHY_OWN_MALLOC : LIVE_WHY_UNKNOWN;
}

const char *live_why_text(enum live_why why)
{
    switch (why) {
    case LIVE_WHY_OTHER_MACHINE:
        return "it is not an x86-64 program; only those can be recorded";
    case LIVE_WHY_SANITIZED:
        return "it is built with a sanitizer, which brings its own malloc and refuses preloaded "
               "libraries; build it without -fsanitize and record that";
    case LIVE_WHY_STATIC:
        return "it is statically linked, so no library can be preloaded into it; link it without "
               "-static and record that";
    case LIVE_WHY_MUSL:
        return "it uses the musl C library, whose loader takes no library of glibc's; build it "
               "against glibc 2.35 or newer and record that";
    case LIVE_WHY_PRIVILEGED:
        return "it is setuid, setgid or has file capabilities, so the loader ignores LD_PRELOAD; "
               "record a copy of it without them (cp drops them)";
    case LIVE_WHY_OWN_MALLOC:
        return "it defines malloc itself, so its calls never leave it; build it without its own "
               "allocator and record that";
    case LIVE_WHY_UNKNOWN:
    default:
        return "the library was never loaded into it; did it clear its environment, change its "
               "root directory or start as another user?";
    }
}
