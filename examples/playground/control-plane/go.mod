module github.com/hanzoai/playground/control-plane

go 1.19
