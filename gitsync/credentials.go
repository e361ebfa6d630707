package gitsync

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Flux's names of the keys in a Git Secret.
const (
	keyUsername = "username"
	keyPassword = "password"
	keyToken    = "bearerToken"
)

// readCredentials reads the files anew, so that a rotated password is used at
// once. It returns nil for anonymous, and every secret that must not be shown.
// A Secret is mounted through one symlink, so its files change together.
func readCredentials(o Options) (githttp.AuthMethod, []string, error) {
	usernameFile, passwordFile := o.UsernameFile, o.PasswordFile
	if o.CredentialsDir != "" {
		token, err := readSecret(filepath.Join(o.CredentialsDir, keyToken))
		if err != nil {
			return nil, nil, err
		}
		if token != "" {
			return &githttp.TokenAuth{Token: token}, []string{token}, nil
		}
		usernameFile = filepath.Join(o.CredentialsDir, keyUsername)
		passwordFile = filepath.Join(o.CredentialsDir, keyPassword)
	}
	if passwordFile == "" {
		return nil, nil, nil
	}
	username, err := readSecret(usernameFile)
	if err != nil {
		return nil, nil, err
	}
	password, err := readSecret(passwordFile)
	if err != nil {
		return nil, nil, err
	}
	if username == "" && password == "" && o.CredentialsDir != "" {
		return nil, nil, nil // an optional Secret that is not there yet: anonymous until it is
	}
	if password == "" {
		if o.CredentialsDir != "" {
			return nil, nil, fmt.Errorf("%s holds no credentials: put %s and %s, or %s, in it",
				o.CredentialsDir, keyUsername, keyPassword, keyToken)
		}
		return nil, nil, fmt.Errorf("%s holds no password: put it there", passwordFile)
	}
	if username == "" {
		username = "git" // forges that take a token as password want some user, and any will do
	}
	return &githttp.BasicAuth{Username: username, Password: password}, []string{password}, nil
}

// readSecret gives "" for a file that is not there. Editors and
// `kubectl create secret --from-file` leave a newline at the end, which is no
// part of it.
func readSecret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read credentials: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
