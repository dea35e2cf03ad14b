package ring

import "github.com/grapevine-go/grapevine/peer"

// Move says that one owner of a partition hands it over to another. From is
// empty where there are more owners than before, To where there are fewer.
type Move struct {
	Partition int
	From, To  peer.ID
}

// Diff returns what moves between two placements, ascending by partition.
// Changes of preference among the same owners are no moves. A partition that
// one of the placements does not have has no owners there.
func Diff(from, to *Placement) []Move {
	var moves []Move
	for p := range max(from.Partitions(), to.Partitions()) {
		lost, gained := missing(from, to, p), missing(to, from, p)
		for k := range max(len(lost), len(gained)) {
			m := Move{Partition: p}
			if k < len(lost) {
				m.From = lost[k]
			}
			if k < len(gained) {
				m.To = gained[k]
			}
			moves = append(moves, m)
		}
	}
	return moves
}

// missing returns the owners of a partition in a that are none in b.
func missing(a, b *Placement, partition int) []peer.ID {
	var ids []peer.ID
	for _, o := range a.Owners(partition) {
		if id := a.nodes[o].ID; !b.owns(partition, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (p *Placement) owns(partition int, id peer.ID) bool {
	for _, o := range p.Owners(partition) {
		if p.nodes[o].ID == id {
			return true
		}
	}
	return false
}
