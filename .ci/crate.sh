# To be sourced. Packages of their own, as users have them, which share the built dependencies of the tests.
#
# Cargo builds a dependency once for each set of its features and of those below it, and for each profile. So such a package
# depends on two empty ones besides: they have the dependencies of Cargo.toml, and with them the features of the tests. A
# program cannot name what only these depend upon. The folder for builds, Cargo.lock and the profile are those of the tests.

# Prints a section of Cargo.toml without its header, and without Mainspring itself.
section() {
    awk -v header="[$1]" '/^\[/ { inside = $0 == header; next } inside && !/^mainspring = /' Cargo.toml
}

# Makes an empty package of this name with the dependencies on the standard input.
empty_package() {
    mkdir -p "target/crates/$1/src"
    : >"target/crates/$1/src/lib.rs"
    printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n[dependencies]\n' "$1" >"target/crates/$1/Cargo.toml"
    cat >>"target/crates/$1/Cargo.toml"
}

# Makes a package of this name with the dependencies on the standard input, and prints its folder. With `bundled`, the libpq of
# the tests is below it, and with `system` that of the machine.
crate() {
    local name=$1 libpq=$2 folder=target/crates/$1
    {
        section dependencies | sed -E 's/, optional = true//; s/^(pq-sys = )"([^"]*)"/\1{ version = "\2"'"$(
            [ "$libpq" = system ] || echo ', features = ["bundled_without_openssl"]'
        )"' }/'
    } | empty_package "as-$libpq"
    section dev-dependencies | empty_package as-tests
    mkdir -p "$folder/src/bin"
    cp Cargo.lock "$folder/Cargo.lock"
    cat >"$folder/Cargo.toml" <<END
[package]
name = "$name"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

$(sed -n '/^\[profile\.\(dev\|test\)/,/^$/p' Cargo.toml)

[dependencies]
as-tests = { path = "../as-tests" }
as-$libpq = { path = "../as-$libpq" }
END
    cat >>"$folder/Cargo.toml"
    echo "$folder"
}
